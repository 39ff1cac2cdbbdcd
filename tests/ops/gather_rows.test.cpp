#include "spearstorm/ops/gather_rows.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

TEST_CASE("ops/gather_rows: two of four rows, by hand") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::recording<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.leaf(ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})));
  auto const chosen = ctx.upload(ss::array<std::int32_t, rows<>>({2}, {3, 1}));
  auto const y = ss::ops::gather_rows(ctx, x, chosen);
  CHECK(ctx.download(y) == ss::array<float, rows<>, dim<>>({2, 2}, {7, 8, 3, 4}));
  auto const g = ctx.gradients(ss::ops::sum(ctx, y));
  CHECK(ctx.download(g.of(x)) == ss::array<float, batch<>, frames<>, dim<>>({2, 2, 2}, {0, 0, 1, 1, 0, 0, 1, 1}));
}

TEST_CASE("ops/gather_rows: all policies, gradients, threads, expressions") {
  auto const x = random_array<batch<>, frames<>, dim<>>({2, 3, 19}, 1);
  ss::array<std::int32_t, rows<>> const chosen({5}, {5, 0, 2, 2, 4});
  check_op([](auto& ctx, auto const& of, auto const& at) { return ss::ops::gather_rows(ctx, of, at); }, x, chosen);
}

TEST_CASE("ops/gather_rows: a row that is not there is named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({2, 2, 2}));
  auto const chosen = ctx.upload(ss::array<std::int32_t, rows<>>({2}, {3, 4}));
  CHECK_THROWS_WITH(ss::ops::gather_rows(ctx, x, chosen), "gather_rows: chosen at position 1 = 4, expected 0 to 3");
}
