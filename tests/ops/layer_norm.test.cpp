#include "spearstorm/ops/layer_norm.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

TEST_CASE("ops/layer_norm: a row that can be checked by hand") {
  ss::workspace<ss::cpu::scalar<ss::f64>> work;
  ss::inference<ss::cpu::scalar<ss::f64>> ctx{work};
  auto const x = ctx.upload(ss::array<double, rows<>, dim<>>({1, 2}, {1, 3}));  // mean 2, variance 1
  auto const gamma = ctx.upload(ss::array<double, dim<>>({2}, {1, 10}));
  auto const beta = ctx.upload(ss::array<double, dim<>>({2}, {0, 5}));
  auto const y = ctx.download(ss::ops::layer_norm(ctx, x, gamma, beta, 0.0));
  CHECK(y(0, 0) == Approx(-1));
  CHECK(y(0, 1) == Approx(15));
}

TEST_CASE("ops/layer_norm: all policies, gradients, threads, expressions") {
  auto const f = [](auto& ctx, auto const&... args) { return ss::ops::layer_norm(ctx, args...); };
  check_op(f, random_array<batch<>, frames<>, dim<>>({2, 3, 19}, 1), random_array<dim<>>({19}, 2), random_array<dim<>>({19}, 3));
}

TEST_CASE("ops/layer_norm: a gamma of another size is named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, rows<>, dim<>>({1, 4}));
  auto const gamma = ctx.upload(ss::array<float, dim<>>({5}));
  CHECK_THROWS_WITH(ss::ops::layer_norm(ctx, x, gamma, gamma), "layer_norm: input has dim = 4, gamma expects dim = 5");
}
