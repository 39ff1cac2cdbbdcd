#include "spearstorm/ops/prepend_row.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

TEST_CASE("ops/prepend_row: by hand") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const first = ctx.upload(ss::array<float, dim<>>({2}, {8, 9}));
  auto const x = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({2, 1, 2}, {1, 2, 3, 4}));
  auto const y = ctx.download(ss::ops::prepend_row(ctx, first, x));
  CHECK(y.extents() == ss::sizes<3>{2, 2, 2});
  CHECK(std::vector<float>(y.begin(), y.end()) == std::vector<float>{8, 9, 1, 2, 8, 9, 3, 4});
  auto const none = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({2, 0, 2}));
  CHECK(ctx.download(ss::ops::prepend_row(ctx, first, none)).extents() == ss::sizes<3>{2, 1, 2});
  auto const wide = ctx.upload(ss::array<float, dim<>>({3}));
  CHECK_THROWS_WITH(ss::ops::prepend_row(ctx, wide, x), "prepend_row: first has dim = 3, x expects dim = 2");
}

TEST_CASE("ops/prepend_row: all policies, gradients, threads, expressions") {
  check_op([](auto& ctx, auto const& first, auto const& x) { return ss::ops::prepend_row(ctx, first, x); }, random_array<dim<>>({19}, 1),
           random_array<batch<>, frames<>, dim<>>({3, 4, 19}, 2));
}
