#include "spearstorm/expr/expand.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;
using host = ss::cpu::scalar<ss::f64>;

TEST_CASE("expr/expand: the new axis stands in front, in the middle or behind") {
  ss::workspace<host> work;
  ss::inference<host> ctx{work};
  auto const x = ctx.upload(ss::array<double, batch<>, dim<>>({2, 2}, {1, 2, 3, 4}));
  CHECK(ctx.download(ss::expand<frames>(x, 2)) == ss::array<double, frames<>, batch<>, dim<>>({2, 2, 2}, {1, 2, 3, 4, 1, 2, 3, 4}));
  CHECK(ctx.download(ss::expand<frames, dim>(x, 2)) == ss::array<double, batch<>, frames<>, dim<>>({2, 2, 2}, {1, 2, 1, 2, 3, 4, 3, 4}));
  CHECK(ctx.download(ss::expand_last<bins>(x, 3)) ==
        ss::array<double, batch<>, dim<>, bins<>>({2, 2, 3}, {1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4}));
  CHECK(ctx.download(ss::expand<frames>(x * 0.0 + 1.0, 0)).size() == 0);
}

TEST_CASE("expr/expand: operands of which neither's axes contain the other's") {
  auto const x = random_array<batch<>, dim<>>({2, 5}, 1);
  auto const y = random_array<batch<>, frames<>>({2, 3}, 2);
  check_fused([](auto&, auto const& a, auto const& b) { return ss::expand<frames, dim>(a, 3) * b + a; }, x, y);
  check_fused([](auto&, auto const& a, auto const& b) { return ss::silu(ss::expand_last<dim>(b * b, 5)) * a; }, x, y);
}

TEST_CASE("expr/expand: a size that differs from the other operand's is named") {
  ss::workspace<host> work;
  ss::inference<host> ctx{work};
  auto const x = ctx.upload(ss::array<double, dim<>>({2}));
  auto const y = ctx.upload(ss::array<double, frames<>>({3}));
  CHECK_THROWS_WITH(ctx.eval(ss::expand<frames>(x, 4) + y),
                    "expression: operands (frames = 3) and (frames = 4, dim = 2) differ in size on axis frames");
  CHECK_THROWS_AS(ss::expand<frames>(x, -1), ss::value_error);
}
