#include "spearstorm/ops/rms_norm.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

TEST_CASE("ops/rms_norm: a row that can be checked by hand") {
  ss::workspace<ss::cpu::scalar<ss::f64>> work;
  ss::inference<ss::cpu::scalar<ss::f64>> ctx{work};
  auto const x = ctx.upload(ss::array<double, rows<>, dim<>>({2, 2}, {3, 4, 0, 0}));  // norm 5, and a row of zeros
  auto const gamma = ctx.upload(ss::array<double, dim<>>({2}, {5, 10}));
  auto const y = ctx.download(ss::ops::rms_norm(ctx, x, gamma));
  CHECK(y(0, 0) == Approx(3 * std::sqrt(2.0)));
  CHECK(y(0, 1) == Approx(8 * std::sqrt(2.0)));
  CHECK(y(1, 0) == 0);
  auto const shifted = ctx.download(ss::ops::rms_norm(ctx, x, gamma, {.offset = 1}));
  CHECK(shifted(0, 0) == Approx(6 * 0.6 * std::sqrt(2.0)));
  CHECK(shifted(0, 1) == Approx(11 * 0.8 * std::sqrt(2.0)));
}

TEST_CASE("ops/rms_norm: all policies, gradients, threads, expressions") {
  auto const x = random_array<batch<>, frames<>, dim<>>({2, 3, 19}, 1);
  auto const gamma = random_array<dim<>>({19}, 2);
  check_op([](auto& ctx, auto const&... args) { return ss::ops::rms_norm(ctx, args...); }, x, gamma);
  check_op([](auto& ctx, auto const&... args) { return ss::ops::rms_norm(ctx, args..., {.offset = 1}); }, x, gamma);
}

TEST_CASE("ops/rms_norm: below the least norm the divisor is a constant, on all policies") {
  for_each_policy<ss::f32>([]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    ss::workspace<Exec> work;
    ss::recording<Exec> ctx{work};
    auto const x = ctx.leaf(ctx.upload(ss::array<float, rows<>, dim<>>({2, 4}, {0, 0, 0, 0, 2e-13f, 0, 0, 0})));
    auto const gamma = ctx.leaf(ctx.upload(ss::array<float, dim<>>({4}, {1, 2, 3, 4})));
    auto const y = ss::ops::rms_norm(ctx, x, gamma);
    auto const g = ctx.gradients(ss::ops::sum(ctx, y));
    auto const ys = ctx.download(y), dx = ctx.download(g.of(x));
    CHECK(ys(0, 0) == 0);
    CHECK(ys(1, 0) == Approx(0.4));
    for (ss::index i = 0; i < 8; ++i) CHECK(dx.data()[i] == Approx(2e12 * static_cast<double>(i % 4 + 1)));
  });
}

TEST_CASE("ops/rms_norm: a gamma of another size is named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, rows<>, dim<>>({1, 4}));
  auto const gamma = ctx.upload(ss::array<float, dim<>>({5}));
  CHECK_THROWS_WITH(ss::ops::rms_norm(ctx, x, gamma), "rms_norm: input has dim = 4, gamma expects dim = 5");
}
