#include "spearstorm/ops/depthwise_conv.hpp"

#include "check_op.hpp"
#if defined(SPEARSTORM_HAVE_JSON)
#include "golden.hpp"
#endif

using namespace test;
using namespace ss::axes;

namespace {
using mask_array = ss::array<ss::flag, batch<>, frames<>>;
}

TEST_CASE("ops/depthwise_conv: paddings as the package computes them") {
  CHECK(ss::ops::same_padding(5) == ss::ops::conv_padding{2, 2});
  CHECK(ss::ops::same_padding(4) == ss::ops::conv_padding{2, 1});
  CHECK(ss::ops::same_padding(1) == ss::ops::conv_padding{0, 0});
  CHECK(ss::ops::causal_padding(4) == ss::ops::conv_padding{3, 0});
}

TEST_CASE("ops/depthwise_conv: two channels and three taps, by hand") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({1, 4, 2}, {1, 10, 2, 20, 3, 30, 4, 40}));
  auto const w = ctx.upload(ss::array<float, kernel<>, dim<>>({3, 2}, {100, 0, 10, 0, 1, 1}));  // channel 1 only looks ahead
  auto const b = ctx.upload(ss::array<float, dim<>>({2}, {0, 7}));
  using result = ss::array<float, batch<>, frames<>, dim<>>;
  CHECK(ctx.download(ss::ops::depthwise_conv(ctx, x, w, b, {.left = 1})) == result({1, 4, 2}, {12, 27, 123, 37, 234, 47, 340, 7}));
  CHECK(ctx.download(ss::ops::depthwise_conv(ctx, x, w, b, {.left = 2})) == result({1, 4, 2}, {1, 17, 12, 27, 123, 37, 234, 47}));
  auto const mask = ctx.upload(mask_array({1, 4}, {1, 1, 0, 1}));
  CHECK(ctx.download(ss::ops::depthwise_conv(ctx, x, w, b, {.left = 1, .mask = mask})) == result({1, 4, 2}, {12, 27, 120, 7, 0, 0, 40, 7}));
}

TEST_CASE("ops/depthwise_conv: all policies, gradients, threads, expressions; odd, even, causal, wider than the frames") {
  auto const x = random_array<batch<>, frames<>, dim<>>({2, 5, 11}, 1);
  auto const b = random_array<dim<>>({11}, 3);
  mask_array const mask({2, 5}, {1, 1, 1, 1, 1, 1, 0, 1, 0, 0});
  struct row {
    ss::index kernel, left;
  };
  for (auto const& [taps, left] : {row{3, 1}, row{4, 2}, row{4, 3}, row{9, 4}}) {
    INFO("kernel " << taps << ", left " << left);
    auto const w = random_array<kernel<>, dim<>>({taps, 11}, 2);
    ss::index const start = left;
    check_op([=](auto& ctx, auto const& of, auto const& with, auto const& shift,
                 auto const& keys) { return ss::ops::depthwise_conv(ctx, of, with, shift, {.left = start, .mask = keys}); },
             x, w, b, mask);
    if (taps == 4)
      check_op([=](auto& ctx, auto const&... args) { return ss::ops::depthwise_conv(ctx, args..., {.left = start}); }, x, w, b);
  }
}

TEST_CASE("ops/depthwise_conv: gradients that take several chunks of frames are the same for any number of threads") {
  auto const x = random_array<batch<>, frames<>, dim<>>({2, 150, 5}, 1);
  auto const w = random_array<kernel<>, dim<>>({3, 5}, 2);
  auto const b = random_array<dim<>>({5}, 3);
  auto const f = [](auto& ctx, auto const&... args) { return ss::ops::depthwise_conv(ctx, args..., {.left = 1}); };
  auto const reference = test::detail::run<ss::cpu::scalar<ss::f64>>(f, {.threads = 1}, x, w, b);
  auto const one = test::detail::run<fastest>(f, {.threads = 1}, x, w, b);
  test::detail::compare("several chunks", one, reference, {1e-5, 1e-5});
  CHECK(test::detail::run<fastest>(f, {.threads = 3}, x, w, b) == one);
  std::vector<double> taps(3 * 5, 0.0);  // the sum of the weights above times what each tap sees, in one loop
  for (ss::index e = 0; e < 2; ++e)
    for (ss::index t = 0; t < 150; ++t)
      for (ss::index k = 0; k < 3; ++k)
        for (ss::index c = 0; c < 5; ++c)
          if (t + k - 1 >= 0 && t + k - 1 < 150)
            taps[static_cast<std::size_t>(k * 5 + c)] +=
                test::detail::weight_of(static_cast<std::size_t>((e * 150 + t) * 5 + c)) * x(e, t + k - 1, c);
  test::detail::compare("gradient of the taps", reference.gradients[1], taps, {1e-9, 1e-9});
}

TEST_CASE("ops/depthwise_conv: sizes that do not fit are named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({1, 4, 2}));
  auto const w = ctx.upload(ss::array<float, kernel<>, dim<>>({3, 2}));
  auto const wide = ctx.upload(ss::array<float, kernel<>, dim<>>({3, 5}));
  auto const b = ctx.upload(ss::array<float, dim<>>({2}));
  auto const mask = ctx.upload(mask_array({1, 5}));
  CHECK_THROWS_WITH(ss::ops::depthwise_conv(ctx, x, wide, b, {.left = 1}), "depthwise_conv: input has dim = 2, weight expects dim = 5");
  CHECK_THROWS_WITH(ss::ops::depthwise_conv(ctx, x, w, b, {.left = 3}), "depthwise_conv: left = 3, expected 0 to 2");
  CHECK_THROWS_WITH(ss::ops::depthwise_conv(ctx, x, w, b, {.left = 1, .mask = mask}),
                    "depthwise_conv: input has frames = 4, mask expects frames = 5");
}

#if defined(SPEARSTORM_HAVE_JSON)
TEST_CASE("ops/depthwise_conv: output and gradients of the package") {
  struct row {
    char const* file;
    ss::index kernel, left;
  };
  for (auto const& c : {row{"op_conv_odd", 5, 2}, row{"op_conv_even", 4, 2}, row{"op_conv_causal", 4, 3}, row{"op_conv_mask", 5, 2},
                        row{"op_conv_even_mask", 4, 2}}) {
    golden const file(c.file);
    CHECK(c.left == (std::string(c.file) == "op_conv_causal" ? ss::ops::causal_padding(c.kernel) : ss::ops::same_padding(c.kernel)).left);
    auto const transposed = [&](std::string const& name) {                         // (dim, kernel) to (kernel, dim)
      auto const theirs = file.read<dim<>, kernel<>>(name, {3, c.kernel});
      ss::array<float, kernel<>, dim<>> ours({c.kernel, 3});
      for (ss::index k = 0; k < c.kernel; ++k)
        for (ss::index d = 0; d < 3; ++d) ours(k, d) = theirs(d, k);
      return ours;
    };
    for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* name) {
      INFO(c.file << " on " << name);
      ss::workspace<Exec> work;
      ss::recording<Exec> ctx{work};
      auto const activation = [&](char const* of) { return file.read<batch<>, frames<>, dim<>>(of, {2, 7, 3}); };
      auto const x = ctx.leaf(ctx.upload(activation("input.x")));
      auto const w = ctx.leaf(ctx.upload(transposed("param.conv.weight")));
      auto const b = ctx.leaf(ctx.upload(file.read<dim<>>("param.conv.bias", {3})));
      ss::ops::depthwise_conv_options options{.left = c.left};
      if (file.contains("input.mask")) options.mask = ctx.upload(file.read_as<ss::flag, batch<>, frames<>>("input.mask", {2, 7}));
      auto const y = ss::ops::depthwise_conv(ctx, x, w, b, options);
      auto const g = ctx.gradients(ss::ops::sum(ctx, y * ctx.upload(activation("grad_out"))));
      auto const same = [&](char const* of, auto const& found, auto const& expected) {
        auto const host = ctx.download(found);
        test::detail::compare(of, {host.begin(), host.end()}, {expected.begin(), expected.end()},
                              ss::tolerance_of<float>(ss::computed::reduction));
      };
      same("output", y, activation("output.y"));
      same("gradient of x", g.of(x), activation("grad_in.x"));
      same("gradient of the taps", g.of(w), transposed("grad.conv.weight"));
      same("gradient of the bias", g.of(b), file.read<dim<>>("grad.conv.bias", {3}));
    });
  }
}
#endif
