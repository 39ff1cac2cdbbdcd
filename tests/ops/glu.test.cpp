#include "spearstorm/ops/glu.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

TEST_CASE("ops/glu: a row that can be checked by hand") {
  ss::workspace<ss::cpu::scalar<ss::f64>> work;
  ss::recording<ss::cpu::scalar<ss::f64>> ctx{work};
  auto const x = ctx.leaf(ctx.upload(ss::array<double, rows<>, dim<>>({1, 4}, {8, 4, 0, std::log(3.0)})));  // gates 1/2 and 3/4
  auto const y = ss::ops::glu(ctx, x);
  auto const host = ctx.download(y);
  CHECK(host(0, 0) == Approx(4));
  CHECK(host(0, 1) == Approx(3));
  auto const g = ctx.gradients(ss::ops::sum(ctx, y));
  auto const dx = ctx.download(g.of(x));
  CHECK(dx(0, 0) == Approx(0.5));
  CHECK(dx(0, 3) == Approx(4 * 0.75 * 0.25));
}

TEST_CASE("ops/glu: all policies, gradients, threads, expressions") {
  check_op([](auto& ctx, auto const& x) { return ss::ops::glu(ctx, x); }, random_array<batch<>, frames<>, dim<>>({2, 3, 22}, 1));
}

TEST_CASE("ops/glu: a static size is halved, an odd one is named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, rows<>, dim<6>>({2, 6}));
  static_assert(std::is_same_v<decltype(ss::ops::glu(ctx, x)), ss::tensor<float, rows<>, dim<3>>>);
  auto const odd = ctx.upload(ss::array<float, rows<>, dim<>>({2, 5}));
  CHECK_THROWS_WITH(ss::ops::glu(ctx, odd), "glu: input has dim = 5, expected an even size");
}
