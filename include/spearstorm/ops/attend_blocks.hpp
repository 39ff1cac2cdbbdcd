#pragma once
// Attention of a few new queries to keys and values that lie in blocks: decoding with a cache, and cross-attention to a source whose
// keys many rows share. Inference only.

#include <limits>

#include "spearstorm/ops/block_pool.hpp"
#include "spearstorm/ops/ids.hpp"
#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::ops {

struct attend_blocks_options {
  index heads = 8;
  index kv_heads = 0;  ///< of keys and values; query head i reads head i % kv_heads. 0: as many as heads
  double scale = 0;    ///< of the scores; 0: 1 / sqrt(dim_head)
  bool causal = true;  ///< query i of n sees counts - (n - 1 - i) keys, else counts
};

namespace detail_attend_blocks {

/// What the two row programs share. A part is one head of one query against one block: (batch, queries, blocks, heads).
template <class T, class Stored>
struct call {
  T const* q;                                                                      // (batch, queries, heads, width)
  block_pool<Stored const> keys, values;
  std::int32_t const *table, *counts;
  index queries, heads, kv_heads, width, blocks;
  bool causal;
  T scale;
  index together;  // heads that one row takes: all of them where memory is read best in a line, one where rows are many threads
  T lowest;        // a finite number below all scores, where a maximum starts
  T *scores = nullptr, *most = nullptr, *total = nullptr, *sums = nullptr;         // (parts, frames)  (parts)  (parts)  (parts, width)

  /// How many keys a query, counted over the batch, sees.
  SPEARSTORM_HD index seen(index query) const {
    index const all = counts[query / queries];
    return causal ? all - (queries - 1 - query % queries) : all;
  }
};

/// Row (batch, query, block, some heads): softmax over the block's keys alone, key by key, so that neighbouring heads are read in a line.
/// Blocks that the query does not see are left as they are.
template <class T, class Stored>
struct part_row {
  call<T, Stored> of;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    index const groups = of.heads / of.together, first = row % groups * of.together, place = row / groups % of.blocks,
                query = row / groups / of.blocks, frames = of.keys.frames;
    index const left = of.seen(query) - place * frames, count = left < frames ? left : frames;
    if (count <= 0) return;
    index const block = of.table[query / of.queries * of.blocks + place];
    T const* const q = of.q + (query * of.heads + first) * of.width;
    Stored const *const k = of.keys.block(block), *const v = of.values.block(block);
    index const part = (query * of.blocks + place) * of.heads + first;
    T *const weights = of.scores + part * frames, *const sums = of.sums + part * of.width;
    auto const feature = [&](index h) { return (first + h) % of.kv_heads * of.width; };
    for (index j = 0; j < count; ++j)
      for (index h = 0; h < of.together; ++h) {
        T const* const query_head = q + h * of.width;
        Stored const* const key = k + j * of.keys.dim + feature(h);
        T const along = Lanes::sum(of.width, [&](auto at) { return pack(at.load(query_head) * at.load(key)); });
        Lanes::once([&] { weights[h * frames + j] = of.scale * along; });
      }
    for (index h = 0; h < of.together; ++h) {
      T* const own = weights + h * frames;
      T const high = Lanes::max(count, of.lowest, [&](auto at) { return at.load(own); });
      T const sum = Lanes::sum(count, [&](auto at) {
        pack const weight = exp(at.load(own) - pack(high));
        at.store(own, weight);
        return weight;
      });
      Lanes::once([&] { of.most[part + h] = high, of.total[part + h] = sum; });
    }
    for (index j = 0; j < count; ++j)
      for (index h = 0; h < of.together; ++h) {
        Stored const* const value = v + j * of.values.dim + feature(h);
        T* const to = sums + h * of.width;
        pack const weight(weights[h * frames + j]);
        Lanes::each(of.width, [&](auto at) {
          pack const more = weight * at.load(value);
          at.store(to, j == 0 ? more : at.load(to) + more);
        });
      }
  }
};

/// Row (batch, query, head): its parts under one maximum, added up in the order of the blocks.
template <class T, class Stored>
struct merge_row {
  call<T, Stored> of;
  T* out;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    index const frames = of.keys.frames, query = row / of.heads, seen = of.seen(query), step = of.heads;
    index const first = query * of.blocks * of.heads + row % of.heads,
                last = seen > 0 ? first + (seen + frames - 1) / frames * step : first;
    T high = of.lowest, total = 0;
    for (index part = first; part < last; part += step) high = of.most[part] > high ? of.most[part] : high;
    Lanes::once([&] {
      for (index part = first; part < last; part += step) of.most[part] = exp(of.most[part] - high);
    });
    for (index part = first; part < last; part += step) total += of.total[part] * of.most[part];
    T const scale = total > T(0) ? T(1) / total : T(0);
    Lanes::each(of.width, [&](auto at) {
      pack sum(T(0));
      for (index part = first; part < last; part += step) sum = sum + pack(of.most[part]) * at.load(of.sums + part * of.width);
      at.store(out + row * of.width, sum * pack(scale));
    });
  }
};

}  // namespace detail_attend_blocks

struct attend_blocks_op {
  static constexpr char const* name = "attend_blocks";
  struct saved {};

  template <class T, class Stored>
  static auto forward(context_like auto& ctx, auto const& q, detail_attend_blocks::call<T, Stored> call) {
    T* const out = ctx.template allocate<T>(q.size());
    index const rows = q.rows() * call.heads, parts = rows * call.blocks, frames = call.keys.frames;
    auto const guard = ctx.scratch();
    call.scores = ctx.template allocate<T>(parts * frames);
    call.most = ctx.template allocate<T>(parts);
    call.total = ctx.template allocate<T>(parts);
    call.sums = ctx.template allocate<T>(parts * call.width);
    verbs::each_row<T>(ctx.exec(), parts / call.together, 2 * frames * call.width * call.together,
                       detail_attend_blocks::part_row<T, Stored>{call});
    verbs::each_row<T>(ctx.exec(), rows, call.blocks * call.width, detail_attend_blocks::merge_row<T, Stored>{call, out});
    using axes = typename std::remove_cvref_t<decltype(q)>::axes_type;
    return std::pair{ctx.template wrap<axes>(out, q.extents()), saved{}};
  }
};

/// @shape q (batch, frames, dim = heads * dim_head)  keys, values: blocks of (frames of a block, kv_heads * dim_head), of the
///        policy's values or rounded to bfloat16
///        table (batch, blocks), numbers of the blocks that hold a row's keys, in order  counts (batch), keys that the last query sees
///        returns (batch, frames, dim); zeros where a query sees no key
/// @math  out = softmax(scale q k^T) v, each block by itself, then together under one maximum
/// @cost  4 batch frames keys dim FLOPs; scratch of (frames of a block + dim_head + 2) numbers a block, head and query
/// @throws shape_error where sizes do not fit; value_error where heads do not divide, a count lies outside the table, or a block that is
///        read outside the pool; a device looks at counts and table in anomaly mode only
/// @see   flash-decoding (Dao et al. 2023); PagedAttention (Kwon et al. 2023, arXiv 2309.06180)
template <class Stored>
auto attend_blocks(context_like auto& ctx, operand_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& q,
                   block_pool<Stored const> const& keys, block_pool<Stored const> const& values,
                   tensor<std::int32_t, axes::batch<>, axes::blocks<>> const& table, tensor<std::int32_t, axes::batch<>> const& counts,
                   attend_blocks_options const& options = {}) {
  using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
  static_assert(!std::remove_reference_t<decltype(ctx)>::is_recording,
                "spearstorm: attend_blocks: keys are cached in inference contexts only; use attend");
  auto const qs = ctx.eval(q);
  auto const at = ctx.eval(table);
  auto const seen = ctx.eval(counts);
  index const heads = options.heads, kv_heads = options.kv_heads == 0 ? heads : options.kv_heads, batch = qs.extent(0);
  if (heads < 1) fail<value_error>("attend_blocks: heads = ", heads, ", expected at least 1");
  if (kv_heads < 1 || heads % kv_heads != 0)
    fail<value_error>("attend_blocks: kv_heads = ", kv_heads, ", expected a divisor of heads = ", heads);
  if (qs.cols() % heads != 0)
    fail<shape_error>("attend_blocks: queries have dim = ", qs.cols(), ", ", heads, " heads expect a multiple of ", heads);
  index const width = qs.cols() / heads, capacity = at.extent(1) * keys.frames;
  check_size("attend_blocks", "keys", "dim", keys.dim, "queries", kv_heads * width);
  check_size("attend_blocks", "values", "dim", values.dim, "queries", kv_heads * width);
  check_size("attend_blocks", "values", "frames of a block", values.frames, "keys", keys.frames);
  check_size("attend_blocks", "table", "batch", at.extent(0), "queries", batch);
  check_size("attend_blocks", "counts", "batch", seen.extent(0), "queries", batch);
  detail::inspect(ctx, seen, [&](std::span<std::int32_t const> all) {
    for (std::int32_t count : all) check_range<index>("attend_blocks", "a count", count, 0, capacity);
  });
  index const held = keys.blocks < values.blocks ? keys.blocks : values.blocks;
  if constexpr (std::remove_reference_t<decltype(ctx)>::memory::on_host)
    for (index b = 0; b < batch; ++b)
      for (index i = 0; i * keys.frames < seen.data()[b]; ++i)
        check_range<index>("attend_blocks", "a block of the table", at.data()[b * at.extent(1) + i], 0, held - 1);
  double const scale = options.scale != 0 ? options.scale : 1 / sqrt(static_cast<double>(width));
  detail_attend_blocks::call<T, Stored> const call{qs.data(),
                                                   keys,
                                                   values,
                                                   at.data(),
                                                   seen.data(),
                                                   qs.extent(1),
                                                   heads,
                                                   kv_heads,
                                                   width,
                                                   at.extent(1),
                                                   options.causal,
                                                   static_cast<T>(scale),
                                                   std::remove_reference_t<decltype(ctx)>::memory::on_host ? heads : 1,
                                                   std::numeric_limits<T>::lowest()};
  return record<attend_blocks_op>(ctx, std::tuple{qs}, call);
}

}  // namespace SPEARSTORM_NS::ops
