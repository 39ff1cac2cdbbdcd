#pragma once
// gemm by packed factors (Goto and van de Geijn 2008): the right one is packed once for all, blocks of the left one by who multiplies
// them. The team takes tiles of C in any order; which tiles there are depends on the shape alone, so a result does not depend on the team.

#include "spearstorm/backend/simd/kernel_bfloat16.hpp"
#include "spearstorm/backend/simd/kernel_int8.hpp"
#include "spearstorm/backend/simd/packed_weights.hpp"
#include "spearstorm/runtime/thread_team.hpp"

namespace SPEARSTORM_NS::backend {

/// What follows a product while its rows are still in the cache: called with (row, first column, columns) of what is complete.
struct tile_finish {
  void (*call)(void const* body, index row, index first, index count) = nullptr;
  void const* body = nullptr;
};

namespace detail {

inline constexpr index left_rows = 144;               // a block of the left factor takes 157 KB of the second cache
inline constexpr index right_units = index{1} << 20;  // of a right factor that is packed for one call: 4 MB of the third cache

/// Tiles of C: as even as twelve rows allow, and enough of them for a large team.
struct tile_grid {
  index rows, cols, down, across;
  tile_grid(index m, index n, index items) {
    down = (m + left_rows - 1) / left_rows;
    rows = ((m + down - 1) / down + 11) / 12 * 12;
    down = (m + rows - 1) / rows;
    cols = m <= 48 ? 128 : 512;
    while (cols > 128 && items * down * ((n + cols - 1) / cols) < 16) cols /= 2;
    across = (n + cols - 1) / cols;
  }
};

/// Memory of this thread for one block of the left factor.
inline packing::unit* left_space() {
  thread_local buffer<packing::unit> space(left_rows * packing::block_stride);
  return space.data();
}
/// Memory of this thread for a right factor that is used at once; at most right_units and a panel of some depth.
inline packing::unit* right_space(index units) {
  thread_local buffer<packing::unit> space;
  if (space.size() < units) space = {}, space = buffer<packing::unit>(units);
  return space.data();
}

using kernel_function = void (*)(index rows, index units, packing::unit const* a, packing::unit const* b, float* c, index ldc, bool add);

/// One call and how its right factor is packed.
template <class Factor, index Columns>
struct packed_product {
  using unit = packing::unit;
  static constexpr index per_unit = packing::per_unit<Factor>;

  gemm_call const& call;
  float const *a, *b;
  float* c;
  kernel_function kernel;
  tile_finish const& finish;
  index panels = (call.n + Columns - 1) / Columns;

  packing::factor left_of(index item) const {
    return {a + call.a_offset(item),       call.m, call.k, call.trans_a ? index{1} : call.lda, call.trans_a ? call.lda : index{1},
            static_cast<float>(call.alpha)};
  }
  packing::factor right_of(index item) const {
    return {b + call.b_offset(item), call.n, call.k, call.trans_b ? call.ldb : 1, call.trans_b ? 1 : call.ldb};
  }

  /// A range of items and of the depth; its packed panels lie one after the other, `room` units deep.
  struct part {
    index first_item, items, first_depth, depth;
    index units() const { return packing::units_of<Factor>(depth); }
    index room() const { return packing::padded(units()); }
  };
  index size(part const& p) const { return p.items * panels * p.room() * Columns; }

  /// Some panels and some of their depth a task: of a factor that lies across the depth, long parts of its rows.
  void pack(thread_team& team, part const& p, unit* to) const {
    bool const along = right_of(0).along_depth();
    index const together = along ? 1 : 8, deep = along ? p.room() : std::min<index>(p.room(), 128);
    index const groups = (panels + together - 1) / together, parts = (p.room() + deep - 1) / deep;
    team.run(p.items * groups * parts, [&](index task) {
      index const item = task / (groups * parts), first = task / parts % groups * together, begin = task % parts * deep;
      auto const right = right_of(p.first_item + item).below(p.first_depth, p.depth).from(first * Columns, call.n - first * Columns);
      packing::panels<Factor, Columns>(right, std::min(together, panels - first), p.room(), begin, std::min(begin + deep, p.room()),
                                       to + (item * panels + first) * p.room() * Columns);
    });
  }

  void multiply(thread_team& team, part const& p, unit const* right) const {
    tile_grid const grid(call.m, call.n, p.items);
    index const tiles = grid.down * grid.across;
    team.run(p.items * tiles, [&](index task) {
      index const item = task / tiles, i = task / grid.across % grid.down * grid.rows, j = task % grid.across * grid.cols;
      tile(p, p.first_item + item, i, std::min(grid.rows, call.m - i), j, std::min(grid.cols, call.n - j),
           right + item * panels * p.room() * Columns);
    });
  }

  void tile(part const& p, index item, index i, index rows, index j, index cols, unit const* right) const {
    float* const to = c + call.c_offset(item) + i * call.ldc + j;
    bool const begins = p.first_depth == 0;
    if (begins && call.beta != 0 && call.beta != 1)
      for (index r = 0; r < rows; ++r)
        for (index x = 0; x < cols; ++x) to[r * call.ldc + x] *= static_cast<float>(call.beta);
    unit* const left = left_space();
    for (index u = 0; u < p.units(); u += packing::block_units) {
      index const count = std::min(packing::block_units, p.units() - u), depth = std::min(count * per_unit, p.depth - u * per_unit);
      packing::left<Factor>(left_of(item).from(i, rows).below(p.first_depth + u * per_unit, depth), left);
      bool const add = !begins || u > 0 || call.beta != 0;
      for (index x = 0; x < cols; x += Columns) {
        unit const* const panel = right + ((j + x) / Columns * p.room() + u) * Columns;
        if (cols - x >= Columns)
          kernel(rows, count, left, panel, to + x, call.ldc, add);
        else
          edge(rows, count, left, panel, to + x, cols - x, add);
      }
    }
    if (finish.call && p.first_depth + p.depth == call.k)
      for (index r = 0; r < rows; ++r) finish.call(finish.body, i + r, j, cols);
  }

  /// The last panel of a C that ends within it.
  void edge(index rows, index count, unit const* left, unit const* panel, float* to, index cols, bool add) const {
    alignas(64) float whole[left_rows * Columns];
    kernel(rows, count, left, panel, whole, Columns, false);
    for (index r = 0; r < rows; ++r)
      for (index x = 0; x < cols; ++x) to[r * call.ldc + x] = whole[r * Columns + x] + (add ? to[r * call.ldc + x] : 0.0f);
  }

  void no_terms() const {
    for (index item = 0; item < call.batches * call.heads; ++item)
      for (index i = 0; i < call.m; ++i) {
        float* const row = c + call.c_offset(item) + i * call.ldc;
        for (index j = 0; j < call.n; ++j) row[j] = call.beta == 0 ? 0.0f : static_cast<float>(call.beta) * row[j];
        if (finish.call) finish.call(finish.body, i, 0, call.n);
      }
  }

  void run(thread_team& team, packed_weights& packs) const {
    if (call.k <= 0) return no_terms();
    index const items = call.batches * call.heads;
    part const all{0, items, 0, call.k};
    if (items == 1)
      if (auto const* const kept = packs.find(call, b, packed_weights::form::units, size(all), [&](unit* to) { pack(team, all, to); }))
        return multiply(team, all, kept);
    part p = all;
    if (items > 1)
      p.items = std::clamp<index>(right_units * items / size(all), 1, items);
    else if (size(all) > right_units)
      p.depth = std::max<index>(1, right_units / (panels * Columns) / packing::block_units) * packing::block_units * per_unit;
    for (; p.first_item < items; p.first_item += p.items)
      for (p.first_depth = 0; p.first_depth < call.k; p.first_depth += p.depth) {
        part now = p;
        now.items = std::min(p.items, items - p.first_item), now.depth = std::min(p.depth, call.k - p.first_depth);
        unit* const right = right_space(size(now));
        pack(team, now, right);
        multiply(team, now, right);
      }
  }
};

/// A few rows and a kept weight in eight bits; false where the call is none of these.
inline bool int8_product(thread_team& team, packed_weights& packs, gemm_call const& call, float const* a, float const* b, float* c,
                         tile_finish const& finish) {
  using int8::columns;
  if (call.m > int8::most_rows || call.batches * call.heads != 1 || call.alpha != 1 || call.beta != 0 || call.k <= 0) return false;
  packing::factor const right{b, call.n, call.k, call.trans_b ? call.ldb : index{1}, call.trans_b ? index{1} : call.ldb};
  index const panels = (call.n + columns - 1) / columns, groups = int8::groups_of(call.k);
  auto const* const kept = reinterpret_cast<int8::panel_group const*>(
      packs.find(call, b, packed_weights::form::int8,
                 panels * groups * static_cast<index>(sizeof(int8::panel_group) / sizeof(packing::unit)), [&](packing::unit* to) {
                   team.run(panels, [&](index p) { int8::pack_panel(right, p, reinterpret_cast<int8::panel_group*>(to) + p * groups); });
                 }));
  if (!kept) return false;
  thread_local int8::rows space;
  auto& left = space;  // of this thread, for all that multiply
  left.pack_({a, call.m, call.k, call.trans_a ? index{1} : call.lda, call.trans_a ? call.lda : index{1}});
  index constexpr together = 4;  // panels a task
  team.run((panels + together - 1) / together, [&](index task) {
    index const begin = task * together, end = std::min(begin + together, panels);
    for (index p = begin; p < end; ++p) {
      float edge[int8::most_rows * columns];
      index const cols = std::min(columns, call.n - p * columns);
      float* const to = c + p * columns;
      int8::best()(call.m, groups, left.values.data(), left.scales.data(), kept + p * groups, cols < columns ? edge : to,
                   cols < columns ? columns : call.ldc);
      for (index r = 0; cols < columns && r < call.m; ++r) std::copy_n(edge + r * columns, cols, to + r * call.ldc);
    }
    if (finish.call)
      for (index r = 0; r < call.m; ++r) finish.call(finish.body, r, begin * columns, std::min(end * columns, call.n) - begin * columns);
  });
  return true;
}

}  // namespace detail

/// C = alpha op(A) op(B) + beta C, both factors rounded as the precision says.
template <class Precision, class Arch>
void packed_gemm(thread_team& team, packed_weights& packs, gemm_call const& call, float const* a, float const* b, float* c,
                 tile_finish const& finish = {}) {
  if constexpr (requires { typename Precision::kept_type; })
    if (detail::int8_product(team, packs, call, a, b, c, finish)) return;
  if constexpr (std::is_same_v<typename Precision::factor_type, bfloat16>)
    detail::packed_product<bfloat16, bfloat16_columns>{call, a, b, c, best_bfloat16_kernel<Arch>().run, finish}.run(team, packs);
  else
    detail::packed_product<float, detail::float_kernel<Arch>::columns>{call, a, b, c, detail::float_kernel<Arch>::run, finish}.run(team,
                                                                                                                                   packs);
}

}  // namespace SPEARSTORM_NS::backend
