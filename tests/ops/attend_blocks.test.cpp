#include "spearstorm/ops/attend_blocks.hpp"

#include "check_op.hpp"
#include "spearstorm/ops/attend.hpp"

using namespace test;
using namespace ss::axes;

namespace {

using row_array = ss::array<double, batch<>, frames<>, dim<>>;

/// Keys or values laid into the blocks of a pool; the rest of the pool is far from zero, so that reading it shows.
std::vector<double> in_blocks(row_array const& x, std::vector<std::int32_t> const& table, ss::index block_frames, ss::index blocks) {
  std::vector<double> pool(static_cast<std::size_t>(blocks * block_frames * x.extent(2)), 1e3);
  ss::index const per_row = static_cast<ss::index>(table.size()) / x.extent(0);
  for (ss::index b = 0; b < x.extent(0); ++b)
    for (ss::index t = 0; t < x.extent(1); ++t) {
      ss::index const block = table[static_cast<std::size_t>(b * per_row + t / block_frames)];
      std::copy_n(x.data() + (b * x.extent(1) + t) * x.extent(2), x.extent(2),
                  pool.data() + (block * block_frames + t % block_frames) * x.extent(2));
    }
  return pool;
}

/// Keys of kv heads repeated, so that head i has those of i % kv_heads, as plain attention wants them.
row_array repeated(row_array const& x, ss::index kv_heads, ss::index heads) {
  ss::index const width = x.extent(2) / kv_heads;
  row_array made({x.extent(0), x.extent(1), heads * width});
  for (ss::index r = 0; r < x.extent(0) * x.extent(1); ++r)
    for (ss::index h = 0; h < heads; ++h)
      std::copy_n(x.data() + (r * kv_heads + h % kv_heads) * width, width, made.data() + (r * heads + h) * width);
  return made;
}

template <class Exec>
auto on_device(ss::inference<Exec>& ctx, std::vector<double> const& pool) {
  return ctx.upload(ss::array<double, rows<>>({static_cast<ss::index>(pool.size())}, pool));
}

ss::array<std::int32_t, batch<>, blocks<>> table_of(std::vector<std::int32_t> const& table, ss::index rows) {
  return {{rows, static_cast<ss::index>(table.size()) / rows}, table};
}
ss::array<std::int32_t, batch<>> counts_of(std::vector<std::int32_t> const& counts) {
  return {{static_cast<ss::index>(counts.size())}, counts};
}

}  // namespace

TEST_CASE("ops/attend_blocks: two keys in two blocks of one frame, by hand; no key gives zeros") {
  ss::workspace<ss::cpu::scalar<ss::f64>> work;
  ss::inference<ss::cpu::scalar<ss::f64>> ctx{work};
  double const third = std::log(3.0);
  auto const q = ctx.upload(row_array({2, 1, 1}, {1, 1}));
  auto const keys = on_device(ctx, {third, 50, 0}), values = on_device(ctx, {4, 50, 8});
  auto const pool = [](auto const& x) { return ss::ops::as_blocks(x.data(), 3, 1, 1); };
  auto const y = ctx.download(ss::ops::attend_blocks(ctx, q, pool(keys), pool(values), ctx.upload(table_of({2, 0, 1, 1}, 2)),
                                                     ctx.upload(counts_of({2, 0})), {.heads = 1}));
  CHECK(y.data()[0] == Approx(0.25 * 8 + 0.75 * 4));
  CHECK(y.data()[1] == 0);
}

TEST_CASE("ops/attend_blocks: keys and values in bfloat16 give what the same numbers give in float") {
  for_each_policy<ss::f32>([]<class Exec>(std::type_identity<Exec>, char const* policy) {
    ss::workspace<Exec> work;
    ss::inference<Exec> ctx{work};
    ss::index const frames_of_block = 5, dims = 36, blocks_of_pool = 4;
    auto const random = [](ss::index n, std::uint32_t seed) {
      ss::random_stream const draws{9, 0, seed};
      std::vector<ss::bfloat16> made;
      for (ss::index i = 0; i < n; ++i) made.emplace_back(draws.normal(0, static_cast<std::uint32_t>(i)));
      return made;
    };
    auto const size = blocks_of_pool * frames_of_block * dims;
    auto const k = random(size, 1), v = random(size, 2), q = random(2 * dims, 3);
    auto const pool_of = [&]<class T>(std::type_identity<T>, std::vector<ss::bfloat16> const& from) {
      std::vector<T> host;
      for (auto x : from) host.push_back(static_cast<T>(static_cast<float>(x)));
      T* const to = ctx.template allocate<T>(size);
      Exec::memory::copy_in(to, host.data(), host.size() * sizeof(T));
      return ss::ops::as_blocks<T const>(to, blocks_of_pool, frames_of_block, dims);
    };
    ss::array<float, batch<>, frames<>, dim<>> queries({2, 1, dims});
    for (ss::index i = 0; i < queries.size(); ++i) queries.data()[i] = static_cast<float>(q[static_cast<std::size_t>(i)]);
    auto const run = [&]<class T>(std::type_identity<T> as) {
      return ctx.download(ss::ops::attend_blocks(ctx, ctx.upload(queries), pool_of(as, k), pool_of(as, v),
                                                 ctx.upload(table_of({3, 1, 0, 2}, 2)), ctx.upload(counts_of({7, 10})), {.heads = 2}));
    };
    INFO(policy);
    CHECK(run(std::type_identity<ss::bfloat16>{}) == run(std::type_identity<float>{}));
  });
}

TEST_CASE("ops/attend_blocks: equals attend, with grouped heads, several causal queries, rows of different length, on every policy") {
  ss::index const heads = 4, kv_heads = 2, width = 5, keys = 11, news = 3, block = 4;
  auto const q = random_array<batch<>, frames<>, dim<>>({2, keys, heads * width}, 1);
  auto const k = random_array<batch<>, frames<>, dim<>>({2, keys, kv_heads * width}, 2);
  auto const v = random_array<batch<>, frames<>, dim<>>({2, keys, kv_heads * width}, 3);
  std::vector<std::int32_t> const table{5, 0, 3, 1, 6, 2};
  std::vector<std::int32_t> const counts{11, 6};  // row 1 has 6 keys only
  row_array fresh({2, news, heads * width});
  for (ss::index b = 0; b < 2; ++b)
    std::copy_n(q.data() + (b * keys + counts[static_cast<std::size_t>(b)] - news) * heads * width, news * heads * width,
                fresh.data() + b * news * heads * width);

  for (bool causal : {true, false}) {
    row_array expected({2, news, heads * width});
    {
      ss::workspace<ss::cpu::scalar<ss::f64>> work;
      ss::inference<ss::cpu::scalar<ss::f64>> ctx{work};
      ss::array<ss::flag, batch<>, frames<>> seen({2, keys}, 1);
      for (ss::index t = 6; t < keys; ++t) seen(1, t) = 0;
      auto const y = ctx.download(ss::ops::attend(ctx, ctx.upload(q), ctx.upload(repeated(k, kv_heads, heads)),
                                                  ctx.upload(repeated(v, kv_heads, heads)),
                                                  {.heads = heads, .causal = causal, .keys = ctx.upload(seen)}));
      for (ss::index b = 0; b < 2; ++b)
        std::copy_n(y.data() + (b * keys + counts[static_cast<std::size_t>(b)] - news) * heads * width, news * heads * width,
                    expected.data() + b * news * heads * width);
    }
    for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* name) {
      INFO(name << ", causal " << causal);
      std::vector<float> one;
      for (ss::index threads : {1, 3}) {
        ss::workspace<Exec> work{{.threads = threads}};
        ss::inference<Exec> ctx{work};
        auto const pool_k = on_device(ctx, in_blocks(k, table, block, 7)), pool_v = on_device(ctx, in_blocks(v, table, block, 7));
        auto const y = ctx.download(
            ss::ops::attend_blocks(ctx, ctx.upload(fresh), ss::ops::as_blocks(pool_k.data(), 7, block, kv_heads * width),
                                   ss::ops::as_blocks(pool_v.data(), 7, block, kv_heads * width), ctx.upload(table_of(table, 2)),
                                   ctx.upload(counts_of(counts)), {.heads = heads, .kv_heads = kv_heads, .causal = causal}));
        detail::compare("attend_blocks", {y.begin(), y.end()}, {expected.begin(), expected.end()},
                        ss::tolerance_of<float>(ss::computed::reduction));
        if (threads == 1) one.assign(y.begin(), y.end());
        CHECK(one == std::vector<float>(y.begin(), y.end()));
      }
    });
  }
}

TEST_CASE("ops/attend_blocks: rows that share a source, one of which sees its first key alone") {
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    ss::workspace<Exec> work;
    ss::inference<Exec> ctx{work};
    auto const k = ctx.upload(random_array<batch<>, frames<>, dim<>>({2, 6, 8}, 4)),
               v = ctx.upload(random_array<batch<>, frames<>, dim<>>({2, 6, 8}, 5));
    auto const q = ctx.upload(random_array<batch<>, frames<>, dim<>>({3, 1, 8}, 6));
    auto const y = ctx.download(ss::ops::attend_blocks(ctx, q, ss::ops::as_blocks(k.data(), 2, 6, 8), ss::ops::as_blocks(v.data(), 2, 6, 8),
                                                       ctx.upload(table_of({1, 1, 0}, 3)), ctx.upload(counts_of({6, 1, 5})),
                                                       {.heads = 2, .causal = false}));
    auto const values = ctx.download(v);
    for (ss::index i = 0; i < 8; ++i) CHECK(y(1, 0, i) == Approx(values(1, 0, i)));
  });
}

TEST_CASE("ops/attend_blocks: a pool in chunks of 2, 4, 8 blocks") {
  std::vector<double> const memory = [] {
    std::vector<double> made(14);
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<double>(i);
    return made;
  }();
  ss::ops::block_pool<double const> const pool{{memory.data(), memory.data() + 2, memory.data() + 6}, 2, 14, 1, 1, 1};
  for (ss::index b = 0; b < 14; ++b) CHECK(*pool.block(b) == static_cast<double>(b));
}

TEST_CASE("ops/attend_blocks: what does not fit is named") {
  ss::workspace<ss::cpu::scalar<ss::f64>> work;
  ss::inference<ss::cpu::scalar<ss::f64>> ctx{work};
  auto const q = ctx.upload(row_array({1, 1, 6}));
  auto const pool = on_device(ctx, std::vector<double>(24));
  auto const call = [&](ss::index width, std::vector<std::int32_t> const& table, std::int32_t count,
                        ss::ops::attend_blocks_options options) {
    auto const blocks = ss::ops::as_blocks(pool.data(), 2, 2, width);
    ss::ops::attend_blocks(ctx, q, blocks, blocks, ctx.upload(table_of(table, 1)), ctx.upload(counts_of({count})), options);
  };
  CHECK_THROWS_WITH(call(6, {0}, 1, {.heads = 4}), "attend_blocks: queries have dim = 6, 4 heads expect a multiple of 4");
  CHECK_THROWS_WITH(call(6, {0}, 1, {.heads = 3, .kv_heads = 2}), "attend_blocks: kv_heads = 2, expected a divisor of heads = 3");
  CHECK_THROWS_WITH(call(4, {0}, 1, {.heads = 3}), "attend_blocks: keys has dim = 4, queries expects dim = 6");
  CHECK_THROWS_WITH(call(6, {0}, 3, {.heads = 3}), "attend_blocks: a count = 3, expected 0 to 2");
  CHECK_THROWS_WITH(call(6, {2}, 2, {.heads = 3}), "attend_blocks: a block of the table = 2, expected 0 to 1");
  CHECK_NOTHROW(call(6, {0, 2}, 2, {.heads = 3}));  // what is behind the last key is not read
}
