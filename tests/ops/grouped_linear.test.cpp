#include "spearstorm/ops/grouped_linear.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

namespace {
using offsets = std::vector<ss::index>;
}

TEST_CASE("ops/grouped_linear: three rows, the first for level 0, none for level 1, by hand") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::recording<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, rows<>, dim<>>({3, 2}, {1, 2, 3, 4, 5, 6}));
  auto const w = ctx.leaf(ctx.upload(ss::array<float, levels<>, out<>, in<>>({3, 1, 2}, {1, 1, 9, 9, 1, -1})));
  auto const b = ctx.leaf(ctx.upload(ss::array<float, levels<>, out<>>({3, 1}, {10, 20, 30})));
  auto const y = ss::ops::grouped_linear<vocab<>>(ctx, x, w, b, offsets{0, 1, 1, 3});
  CHECK(ctx.download(y) == ss::array<float, rows<>, vocab<>>({3, 1}, {13, 29, 29}));
  auto const g = ctx.gradients(ss::ops::sum(ctx, y));
  CHECK(ctx.download(g.of(w)) == ss::array<float, levels<>, out<>, in<>>({3, 1, 2}, {1, 2, 0, 0, 8, 10}));
  CHECK(ctx.download(g.of(b)) == ss::array<float, levels<>, out<>>({3, 1}, {1, 0, 2}));
}

TEST_CASE("ops/grouped_linear: all policies, gradients, threads, expressions") {
  auto const x = random_array<rows<>, dim<>>({9, 7}, 1);
  auto const w = random_array<levels<>, out<>, in<>>({4, 5, 7}, 2);
  auto const b = random_array<levels<>, out<>>({4, 5}, 3);
  check_op([](auto& ctx, auto const&... args) { return ss::ops::grouped_linear(ctx, args..., offsets{0, 2, 2, 3, 9}); }, x, w, b);
}

TEST_CASE("ops/grouped_linear: a level's rows equal linear with that level's weight") {
  ss::workspace<fastest> work;
  ss::inference<fastest> ctx{work};
  auto const x = ctx.upload(random_array<rows<>, dim<>>({6, 3}, 4));
  auto const w = random_array<levels<>, out<>, in<>>({2, 4, 3}, 5);
  auto const b = random_array<levels<>, out<>>({2, 4}, 6);
  auto const y = ctx.download(ss::ops::grouped_linear(ctx, x, ctx.upload(w), ctx.upload(b), offsets{0, 2, 6}));
  ss::array<double, out<>, in<>> const second({4, 3}, {w.data() + 12, w.data() + 24});
  ss::array<double, out<>> const shift({4}, {b.data() + 4, b.data() + 8});
  auto const all = ctx.download(ss::ops::linear(ctx, x, ctx.upload(second), ctx.upload(shift)));
  for (ss::index i = 2 * 4; i < y.size(); ++i) CHECK(y.data()[i] == Approx(all.data()[i]).margin(1e-6));
}

TEST_CASE("ops/grouped_linear: offsets and sizes that do not fit are named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const call = [&](ss::index in_size, ss::index level_count, offsets const& at) {
    auto const x = ctx.upload(ss::array<float, rows<>, dim<>>({3, 2}));
    auto const w = ctx.upload(ss::array<float, levels<>, out<>, in<>>({level_count, 4, in_size}));
    ss::ops::grouped_linear(ctx, x, w, ctx.upload(ss::array<float, levels<>, out<>>({level_count, 4})), at);
  };
  CHECK_THROWS_WITH(call(5, 2, {0, 1, 3}), "grouped_linear: input has dim = 2, weight expects dim = 5");
  CHECK_THROWS_WITH(call(2, 2, {0, 3}), "grouped_linear: offsets has 2 entries, 2 weights expect 3");
  CHECK_THROWS_WITH(call(2, 2, {1, 1, 3}), "grouped_linear: offsets at position 0 = 1, expected 0");
  CHECK_THROWS_WITH(call(2, 3, {0, 2, 1, 3}), "grouped_linear: offsets at position 2 = 1, expected 2 to 3");
  CHECK_THROWS_WITH(call(2, 2, {0, 1, 2}), "grouped_linear: offsets at position 2 = 2, expected 3");
  CHECK_THROWS_WITH(call(2, 65, offsets(66)), "grouped_linear: the number of weights = 65, expected 1 to 64");
  CHECK_THROWS_AS(call(2, 2, {0, 1, 2}), ss::value_error);
}
