#include "spearstorm/ops/depthwise_conv.hpp"

#include <limits>

#include "check_op.hpp"
#if defined(SPEARSTORM_HAVE_JSON)
#include "golden.hpp"
#endif
#if defined(SPEARSTORM_TEST_THRUST)
#include "thrust_blocks.hpp"
#endif

using namespace test;
using namespace ss::axes;

namespace {

using mask_array = ss::array<ss::flag, batch<>, frames<>>;
using signal = ss::array<float, batch<>, frames<>, dim<>>;

template <ss::axis_type... Axes>
ss::array<float, Axes...> floats(ss::array<double, Axes...> const& draws) {
  return {draws.extents(), std::vector<float>(draws.begin(), draws.end())};
}

struct inputs {
  signal x, dy;
  ss::array<float, kernel<>, dim<>> w;
  ss::array<float, dim<>> b;
  mask_array mask;
  ss::index left;
};
struct results {
  signal y, dx;
  ss::array<float, kernel<>, dim<>> dw;
  ss::array<float, dim<>> db;
};

/// Term after term, frames and taps in ascending order; what is summed over frames in chunks of 64.
results by_hand(inputs const& in) {
  ss::index const batch = in.x.extent(0), frames = in.x.extent(1), dim = in.x.extent(2), kernel = in.w.extent(0), rows = batch * frames;
  results sums{signal(in.x.extents()), signal(in.x.extents()), decltype(in.w)(in.w.extents()), decltype(in.b)(in.b.extents())};
  for (ss::index c = 0; c < dim; ++c)
    for (ss::index first = 0; first < rows; first += 64) {
      std::vector<float> dw(static_cast<std::size_t>(kernel));
      float db = 0;
      for (ss::index row = first; row < std::min(rows, first + 64); ++row) {
        ss::index const e = row / frames, t = row % frames;
        if (!in.mask(e, t)) continue;
        sums.y(e, t, c) = in.b(c);
        for (ss::index k = 0; k < kernel; ++k) {
          ss::index const from = t + k - in.left;
          if (from < 0 || from >= frames || !in.mask(e, from)) continue;
          sums.y(e, t, c) += in.w(k, c) * in.x(e, from, c);
          sums.dx(e, from, c) += in.w(k, c) * in.dy(e, t, c);
          dw[static_cast<std::size_t>(k)] += in.dy(e, t, c) * in.x(e, from, c);
        }
        db += in.dy(e, t, c);
      }
      for (ss::index k = 0; k < kernel; ++k) sums.dw(k, c) += dw[static_cast<std::size_t>(k)];
      sums.db(c) += db;
    }
  return sums;
}

template <class Exec>
results computed(inputs const& in, bool masked) {
  ss::workspace<Exec> work{{.threads = 3}};
  ss::recording<Exec> ctx{work};
  auto const x = ctx.leaf(ctx.upload(in.x));
  auto const w = ctx.leaf(ctx.upload(in.w));
  auto const b = ctx.leaf(ctx.upload(in.b));
  ss::ops::depthwise_conv_options options{.left = in.left};
  if (masked) options.mask = ctx.upload(in.mask);
  auto const y = ss::ops::depthwise_conv(ctx, x, w, b, options);
  auto const g = ctx.gradients(ss::ops::sum(ctx, y * ctx.upload(in.dy)));
  return {ctx.download(y), ctx.download(g.of(x)), ctx.download(g.of(w)), ctx.download(g.of(b))};
}

}  // namespace

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

TEST_CASE("ops/depthwise_conv: frames that are taken together have the bits of frames alone") {
  // 37 frames are no whole blocks; masks cut into blocks, end an example early and leave one as it is
  mask_array cut({3, 37}, ss::flag{1}), none({3, 37}, ss::flag{1});
  for (ss::index t : {0, 18, 30, 31, 32, 33, 34, 35, 36}) cut(1, t) = 0;
  for (ss::index t = 9; t < 37; ++t) cut(2, t) = 0;
  struct row {
    ss::index kernel, left;
  };
  for (auto const& c : {row{1, 0}, row{2, 0}, row{2, 1}, row{5, 0}, row{5, 2}, row{5, 4}, row{9, 0}, row{9, 4}, row{9, 8}, row{31, 15}})
    for (bool const masked : {false, true}) {
      INFO("kernel " << c.kernel << ", left " << c.left << (masked ? ", masked" : ""));
      auto const draw = [](std::uint64_t seed) { return floats(random_array<batch<>, frames<>, dim<>>({3, 37, 19}, seed)); };
      inputs in{draw(1),
                draw(2),
                floats(random_array<kernel<>, dim<>>({c.kernel, 19}, 3)),
                floats(random_array<dim<>>({19}, 4)),
                masked ? cut : none,
                c.left};
      for (ss::index e = 0; e < 3; ++e)  // what stands in a masked frame is never looked at
        for (ss::index t = 0; t < 37; ++t)
          for (ss::index d = 0; !in.mask(e, t) && d < 19; ++d) in.x(e, t, d) = in.dy(e, t, d) = std::numeric_limits<float>::quiet_NaN();
      auto const expected = by_hand(in);
      auto const check = [&]<class Exec>(std::type_identity<Exec>, char const* name) {
        INFO(name);
        auto const found = computed<Exec>(in, masked);
        CHECK(found.y == expected.y);
        CHECK(found.dx == expected.dx);
        CHECK(found.dw == expected.dw);
        CHECK(found.db == expected.db);
      };
      for_each_policy<ss::f32>(check);
#if defined(SPEARSTORM_TEST_THRUST)
      check(std::type_identity<thrust_blocks<>>{}, "thrust, by blocks of threads");
#endif
    }
}

TEST_CASE("ops/depthwise_conv: gradients of frames that are taken together, against finite differences") {
  auto const x = random_array<batch<>, frames<>, dim<>>({2, 18, 3}, 1);
  auto const b = random_array<dim<>>({3}, 3);
  mask_array mask({2, 18}, ss::flag{1});
  for (ss::index t : {1, 15, 16, 17}) mask(1, t) = 0;
  struct row {
    ss::index kernel, left;
  };
  for (auto const& [taps, left] : {row{2, 1}, row{5, 2}, row{7, 0}}) {
    INFO("kernel " << taps << ", left " << left);
    ss::index const start = left;
    check_op([=](auto& ctx, auto const& of, auto const& with, auto const& shift,
                 auto const& keys) { return ss::ops::depthwise_conv(ctx, of, with, shift, {.left = start, .mask = keys}); },
             x, random_array<kernel<>, dim<>>({taps, 3}, 2), b, mask);
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
