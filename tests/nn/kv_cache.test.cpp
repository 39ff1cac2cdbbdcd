#include "spearstorm/nn/kv_cache.hpp"

#include "check_op.hpp"
#include "spearstorm/ops/attend_blocks.hpp"

using namespace test;
using namespace ss::axes;

namespace {

/// What a cache is compared with: each row's keys, value = -key, one after the other. Key (row's name, frame) has all features alike.
struct plain_rows {
  std::vector<std::vector<double>> rows;
  void fork(std::vector<ss::index> const& parents) {
    auto const before = rows;
    rows.clear();
    for (ss::index p : parents) rows.push_back(before[static_cast<std::size_t>(p)]);
  }
};

template <class Exec>
struct both {
  ss::workspace<Exec>& work;
  ss::nn::kv_cache<Exec> cache{{.layers = 2, .dim = 6, .block_frames = 4, .first_blocks = 2}};
  plain_rows plain{};
  double next = 0;

  explicit both(ss::workspace<Exec>& with, ss::index rows) : work(with) {
    cache.add_rows_(rows);
    plain.rows.resize(static_cast<std::size_t>(rows));
  }
  /// n new frames of every row, in steps of `each`, all reserved at once.
  void grow(ss::index n, ss::index each) {
    cache.reserve_(n);
    for (ss::index ahead = 0; ahead < n; ahead += each) {
      ss::inference<Exec> ctx{work};
      ss::array<double, batch<>, frames<>, dim<>> k({cache.rows(), each, 6}), v = k;
      for (ss::index i = 0; i < k.size(); ++i) {
        if (i % 6 == 0)
          plain.rows[static_cast<std::size_t>(i / 6 / each)].push_back(next = 0.37 * next + 0.1 * static_cast<double>(i % 17));
        k.data()[i] = next, v.data()[i] = -next;
      }
      auto const step = cache.step(ctx, ahead, each);
      for (ss::index layer : {0, 1}) cache.write_(ctx, step, layer, ctx.upload(k), ctx.upload(v));
    }
    cache.advance_(n);
  }
  /// Every key and value that the tables say a row has.
  void check() {
    ss::inference<Exec> ctx{work};
    auto const tables = cache.step_tables(0, 0);
    for (ss::index r = 0; r < cache.rows(); ++r) {
      auto const& expected = plain.rows[static_cast<std::size_t>(r)];
      REQUIRE(cache.length(r) == static_cast<ss::index>(expected.size()));
      for (ss::index t = 0; t < cache.length(r); ++t)
        for (ss::index layer : {0, 1}) {
          ss::index const block = tables.table(r, t / 4);
          INFO("row " << r << ", frame " << t << ", layer " << layer);
          CHECK(cache.keys(layer).block(block)[t % 4 * 6 + 5] == static_cast<float>(expected[static_cast<std::size_t>(t)]));
          CHECK(cache.values(layer).block(block)[t % 4 * 6] == -static_cast<float>(expected[static_cast<std::size_t>(t)]));
        }
    }
  }
};

}  // namespace

TEST_CASE("nn/kv_cache: rows that grow, fork, end and are truncated hold what plain lists hold, on every policy") {
  for_each_policy<ss::f32>([]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    ss::workspace<Exec> work;
    both<Exec> rows(work, 2);
    rows.grow(6, 3);
    rows.check();
    rows.cache.fork_(std::vector<ss::index>{1, 0, 1, 1});
    rows.plain.fork({1, 0, 1, 1});
    rows.grow(3, 1);  // four rows write into two shared blocks
    rows.check();
    for (ss::index r : {0, 2})
      rows.cache.truncate_(r, 5 + r), rows.plain.rows[static_cast<std::size_t>(r)].resize(static_cast<std::size_t>(5 + r));
    rows.grow(4, 2);  // rows of different length
    rows.check();
    rows.cache.fork_(std::vector<ss::index>{2, 2});
    rows.plain.fork({2, 2});
    rows.grow(1, 1);
    rows.check();
  });
}

TEST_CASE("nn/kv_cache: memory grows by pieces that never move, and freed blocks are used again") {
  using exec = ss::cpu::scalar<>;
  ss::workspace<exec> work;
  both<exec> rows(work, 1);
  CHECK(rows.cache.bytes() == 0);
  rows.grow(4, 4);
  auto const* const first = rows.cache.keys(0).block(0);
  std::size_t const block = 2 * 2 * 4 * 6 * sizeof(float);
  CHECK(rows.cache.bytes() == 2 * block);
  rows.grow(8, 8);
  CHECK(rows.cache.bytes() == 6 * block);
  CHECK(rows.cache.keys(0).block(0) == first);
  CHECK(rows.cache.blocks_in_use() == 3);
  rows.cache.fork_(std::vector<ss::index>{0, 0, 0, 0, 0, 0, 0, 0});
  CHECK(rows.cache.blocks_in_use() == 3);  // eight rows, nothing copied
  rows.cache.fork_(std::vector<ss::index>{3});
  for (int i = 0; i < 20; ++i) {
    rows.cache.truncate_(0, 4);
    rows.cache.reserve_(12);
    rows.cache.advance_(12);
  }
  CHECK(rows.cache.bytes() == 6 * block);
}

TEST_CASE("nn/kv_cache: tables, by hand") {
  ss::nn::kv_cache<ss::cpu::scalar<>> cache({.dim = 1, .block_frames = 2});
  cache.add_rows_(1);
  cache.reserve_(3), cache.advance_(3);
  cache.fork_(std::vector<ss::index>{0, 0});
  cache.truncate_(1, 1);
  cache.reserve_(2);
  auto const tables = cache.step_tables(1, 1);  // the second of the two
  CHECK(tables.counts.values()[0] == 5);
  CHECK(tables.counts.values()[1] == 3);
  CHECK(tables.positions(0, 0) == 4);
  CHECK(tables.positions(1, 0) == 2);
  CHECK(tables.table.extent(1) == 3);
  CHECK(tables.table(1, 2) == 0);  // nothing there
  CHECK_THROWS_WITH(cache.step_tables(0, 4), "kv_cache: step: frames = 7, expected 0 to 6");
}

TEST_CASE("nn/kv_cache: what does not fit is named") {
  using exec = ss::cpu::scalar<>;
  ss::workspace<exec> work;
  ss::inference<exec> ctx{work};
  ss::nn::kv_cache<exec> cache({.dim = 3});
  cache.add_rows_(1);
  cache.reserve_(1);
  auto const step = cache.step(ctx, 0, 1);
  auto const x = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({1, 1, 3}));
  auto const wide = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({1, 1, 4}));
  CHECK_THROWS_WITH(cache.write_(ctx, step, 1, x, x), "kv_cache: layer = 1, expected 0 to 0");
  CHECK_THROWS_WITH(cache.write_(ctx, step, 0, wide, x), "kv_cache: keys has dim = 4, the cache expects dim = 3");
  CHECK_THROWS_WITH(ss::nn::kv_cache<exec>({.layers = 0, .dim = 3}), "kv_cache: layers = 0, expected 1 to 1048576");
}
