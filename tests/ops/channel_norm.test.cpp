#include "spearstorm/ops/channel_norm.hpp"

#include "check_op.hpp"
#if defined(SPEARSTORM_HAVE_JSON)
#include "golden.hpp"
#endif

using namespace test;
using namespace ss::axes;

TEST_CASE("ops/channel_norm: a row above the bound and one below it, by hand") {
  ss::workspace<ss::cpu::scalar<ss::f64>> work;
  ss::recording<ss::cpu::scalar<ss::f64>> ctx{work};
  auto const x = ctx.leaf(ctx.upload(ss::array<double, rows<>, dim<>>({2, 2}, {1, 5, 1, 2})));  // variances 4 and 1/4
  auto const gamma = ctx.upload(ss::array<double, dim<>>({2}, {1, 10}));
  auto const y = ss::ops::channel_norm(ctx, x, gamma, 1.0);
  auto const host = ctx.download(y);
  CHECK(host == ss::array<double, rows<>, dim<>>({2, 2}, {-1, 10, -0.5, 5}));
  auto const g = ctx.gradients(ss::ops::sum(ctx, y));
  // above: two values are always -1 and 1, so x moves nothing; below: x minus its mean, times (1, 10)
  auto const dx = ctx.download(g.of(x));
  CHECK(dx(0, 0) == Approx(0).margin(1e-12));
  CHECK(dx(0, 1) == Approx(0).margin(1e-12));
  CHECK(dx(1, 0) == Approx(1 - 5.5));
  CHECK(dx(1, 1) == Approx(10 - 5.5));
}

TEST_CASE("ops/channel_norm: all policies, gradients, threads, expressions") {
  auto x = random_array<batch<>, frames<>, dim<>>({2, 3, 19}, 1);
  for (ss::index c = 0; c < 19; ++c) x(1, 1, c) *= 1e-4;  // variance 1e-8, under the bound
  check_op([](auto& ctx, auto const&... args) { return ss::ops::channel_norm(ctx, args...); }, x, random_array<dim<>>({19}, 2));
}

TEST_CASE("ops/channel_norm: a gamma of another size and a bound of zero are named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, rows<>, dim<>>({1, 4}));
  auto const gamma = ctx.upload(ss::array<float, dim<>>({5}));
  CHECK_THROWS_WITH(ss::ops::channel_norm(ctx, x, gamma), "channel_norm: input has dim = 4, gamma expects dim = 5");
  CHECK_THROWS_WITH(ss::ops::channel_norm(ctx, x, ctx.upload(ss::array<float, dim<>>({4})), 0.0),
                    "channel_norm: eps = 0, expected above 0");
}

#if defined(SPEARSTORM_HAVE_JSON)
TEST_CASE("ops/channel_norm: output and gradients of the package") {
  golden const file("op_chan_layer_norm");
  auto const activation = [&](char const* of) { return file.read<batch<>, frames<>, dim<>>(of, {2, 5, 13}); };
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    ss::workspace<Exec> work;
    ss::recording<Exec> ctx{work};
    auto const x = ctx.leaf(ctx.upload(activation("input.x")));
    auto const gamma = ctx.leaf(ctx.upload(file.read<dim<>>("param.gamma", {13})));
    auto const y = ss::ops::channel_norm(ctx, x, gamma);
    auto const g = ctx.gradients(ss::ops::sum(ctx, y * ctx.upload(activation("grad_out"))));
    auto const same = [&](char const* of, auto const& found, auto const& expected) {
      auto const host = ctx.download(found);
      test::detail::compare(of, {host.begin(), host.end()}, {expected.begin(), expected.end()},
                            ss::tolerance_of<float>(ss::computed::whole_model));
    };
    same("output", y, activation("output.y"));
    same("gradient of x", g.of(x), activation("grad_in.x"));  // rows under the bound have gradients near 1000
    same("gradient of gamma", g.of(gamma), file.read<dim<>>("grad.gamma", {13}));
  });
}
#endif
