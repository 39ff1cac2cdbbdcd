#include "spearstorm/ops/embed.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

namespace {
using ids_array = ss::array<std::int32_t, batch<>, frames<>, levels<>>;
}

TEST_CASE("ops/embed: rows that can be found by hand") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::recording<ss::cpu::scalar<>> ctx{work};
  auto const table = ctx.leaf(ctx.upload(ss::array<float, vocab<>, dim<>>({3, 2}, {1, 2, 10, 20, 100, 200})));
  auto const ids = ctx.upload(ss::array<std::int32_t, batch<>, frames<>>({1, 3}, {2, 0, 2}));
  auto const y = ss::ops::embed(ctx, table, ids);
  CHECK(ctx.download(y) == ss::array<float, batch<>, frames<>, dim<>>({1, 3, 2}, {100, 200, 1, 2, 100, 200}));
  auto const g = ctx.gradients(ss::ops::sum(ctx, y));
  CHECK(ctx.download(g.of(table)) == ss::array<float, vocab<>, dim<>>({3, 2}, {1, 1, 0, 0, 2, 2}));  // id 2 twice, id 1 never
}

TEST_CASE("ops/embed: two levels that each have two rows of the table, by hand") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const table = ctx.upload(ss::array<float, vocab<>, dim<>>({4, 1}, {1, 2, 10, 20}));
  auto const ids = ctx.upload(ids_array({1, 3, 2}, {0, 0, 1, 0, 1, 1}));
  CHECK(ctx.download(ss::ops::embed_sum(ctx, table, ids, {.stride = 2})) ==
        ss::array<float, batch<>, frames<>, dim<>>({1, 3, 1}, {11, 12, 22}));
  CHECK(ctx.download(ss::ops::embed_sum(ctx, table, ids, {})) == ss::array<float, batch<>, frames<>, dim<>>({1, 3, 1}, {2, 3, 4}));
}

TEST_CASE("ops/embed: all policies, gradients, threads, expressions") {
  auto const table = random_array<vocab<>, dim<>>({6, 19}, 1);
  ss::array<std::int32_t, batch<>, frames<>> const ids({2, 4}, {5, 0, 2, 2, 1, 2, 0, 5});
  check_op([](auto& ctx, auto const& t, auto const& at) { return ss::ops::embed(ctx, t, at); }, table, ids);
  ids_array const codes({2, 2, 3}, {0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1});
  check_op([](auto& ctx, auto const& t, auto const& at) { return ss::ops::embed_sum(ctx, t, at, {.stride = 2}); }, table, codes);
  check_op([](auto& ctx, auto const& t, auto const& at) { return ss::ops::embed_sum(ctx, t, at, {}); }, table, codes);
}

TEST_CASE("ops/embed: no ids give no rows and a gradient of zeros") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::recording<ss::cpu::scalar<>> ctx{work};
  auto const table = ctx.leaf(ctx.upload(ss::array<float, vocab<>, dim<>>({2, 2}, 1.0f)));
  auto const y = ss::ops::embed(ctx, table, ctx.upload(ss::array<std::int32_t, rows<>>({0})));
  CHECK(y.size() == 0);
  auto const g = ctx.gradients(ss::ops::sum(ctx, y));
  CHECK(ctx.download(g.of(table)) == ss::array<float, vocab<>, dim<>>({2, 2}, 0.0f));
}

TEST_CASE("ops/embed: ids outside the table and tables that are too short are named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const table = ctx.upload(ss::array<float, vocab<>, dim<>>({4, 1}));
  auto const ids = ctx.upload(ids_array({1, 2, 2}, {0, 1, 2, 4}));
  CHECK_THROWS_WITH(ss::ops::embed(ctx, table, ids), "embed: ids at position 3 = 4, expected 0 to 3");
  CHECK_THROWS_WITH(ss::ops::embed(ctx, table, ctx.upload(ss::array<std::int32_t, rows<>>({1}, std::vector<std::int32_t>{-1}))),
                    "embed: ids at position 0 = -1, expected 0 to 3");
  CHECK_THROWS_WITH(ss::ops::embed_sum(ctx, table, ids, {.stride = 2}), "embed_sum: ids at position 2 = 2, expected 0 to 1");
  CHECK_THROWS_WITH(ss::ops::embed_sum(ctx, table, ids, {.stride = 3}), "embed_sum: table has 4 rows, ids with 2 levels of 3 expect 6");
  CHECK_THROWS_AS(ss::ops::embed(ctx, table, ids), ss::value_error);
  CHECK_THROWS_AS(ss::ops::embed_sum(ctx, table, ids, {.stride = 3}), ss::shape_error);
}
