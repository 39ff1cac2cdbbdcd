#pragma once
// gemm by packed factors (Goto and van de Geijn 2008): the right one is packed once for all, and so is the left one where several tiles
// need its rows; else who multiplies a tile packs them. The team takes tiles of C in any order; which tiles there are depends on the shape
// and the kernel alone, so a result does not depend on the team.

#include "spearstorm/backend/simd/kernel_bfloat16.hpp"
#include "spearstorm/backend/simd/kernel_int8.hpp"
#include "spearstorm/backend/simd/packed_weights.hpp"
#include "spearstorm/backend/simd/row_source.hpp"
#include "spearstorm/backend/simd/tile_finish.hpp"
#include "spearstorm/runtime/thread_space.hpp"
#include "spearstorm/runtime/thread_team.hpp"

namespace SPEARSTORM_NS::backend {

namespace detail {

inline constexpr index left_rows = 144;               // a block of the left factor takes 157 KB of the second cache
inline constexpr index right_units = index{1} << 20;  // of a right factor that is packed for one call: 4 MB of the third cache
inline constexpr index left_units = index{1} << 20;   // the same of a left factor that is packed for all tiles
inline constexpr index thin_rows = 48;                // of a product whose left factor is not worth sharing

/// Tiles of C: as even as the rows allow that a kernel takes together, and enough of them for a large team.
struct tile_grid {
  index rows, cols, down, across;
  tile_grid(index m, index n, index items, index together) {
    index const most = left_rows / together * together;
    down = (m + most - 1) / most;
    rows = ((m + down - 1) / down + together - 1) / together * together;
    down = (m + rows - 1) / rows;
    cols = m <= thin_rows ? 128 : 512;
    while (cols > 128 && items * down * ((n + cols - 1) / cols) < 16) cols /= 2;
    across = (n + cols - 1) / cols;
  }
};

/// Memory of this thread for one block of the left factor.
inline packing::unit* left_space() { return thread_space<struct left_block, packing::unit>(left_rows * packing::block_stride); }
/// Memory of this thread for a factor that is used at once; `Right` and left have their own.
template <bool Right>
packing::unit* factor_space(index units) {
  return thread_space<std::bool_constant<Right>, packing::unit>(units);
}

/// The few rows of a left factor, made.
inline float const* made_rows(gemm_call const& call, row_source const& rows) {
  float* const made = thread_space<struct rows_of_a_thin_factor, float>(call.m * call.k);  // of this thread, for all that multiply
  for (index i = 0; i < call.m; ++i) rows.read(rows.body, i, 0, call.k, made + i * call.k);
  return made;
}

/// One call and how its right factor is packed.
template <class Factor, index Columns>
struct packed_product {
  using unit = packing::unit;
  static constexpr index per_unit = packing::per_unit<Factor>, block_depth = packing::block_units * per_unit;

  gemm_call const& call;
  gemm_operand a, b;  // one whose rows are made is not transposed, not scaled, and the product has one item
  float* c;
  panel_kernel const& kernel;
  tile_finish const& finish;
  index panels = (call.n + Columns - 1) / Columns;

  packing::factor left_of(index item) const {
    return {a.data + call.a_offset(item),  call.m, call.k, call.trans_a ? index{1} : call.lda, call.trans_a ? call.lda : index{1},
            static_cast<float>(call.alpha)};
  }
  packing::factor right_of(index item) const {
    return {b.data + call.b_offset(item), call.n, call.k, call.trans_b ? call.ldb : 1, call.trans_b ? 1 : call.ldb};
  }

  /// A range of items and of the depth; its packed panels lie one after the other, `room` units deep.
  struct part {
    index first_item, items, first_depth, depth;
    index units() const { return packing::units_of<Factor>(depth); }
    index room() const { return packing::padded(units()); }
    index blocks() const { return (units() + packing::block_units - 1) / packing::block_units; }
  };
  index size(part const& p) const { return p.items * panels * p.room() * Columns; }

  /// Some panels and some of their depth a task: of a factor that lies across the depth, long parts of its rows.
  void pack(thread_team& team, part const& p, unit* to) const {
    bool const along = !b.rows && right_of(0).along_depth();
    index const together = along ? 1 : 8, deep = along ? p.room() : std::min<index>(p.room(), 128);
    index const groups = (panels + together - 1) / together, parts = (p.room() + deep - 1) / deep;
    team.run(p.items * groups * parts, [&](index task) {
      index const item = task / (groups * parts), first = task / parts % groups * together, begin = task % parts * deep;
      index const count = std::min(together, panels - first), end = std::min(begin + deep, p.room()), column = first * Columns;
      unit* const at = to + (item * panels + first) * p.room() * Columns;
      if (b.rows)
        packing::panels<Factor, Columns>(b.rows, p.first_depth, p.depth, column, std::min(count * Columns, call.n - column), count,
                                         p.room(), begin, end, at);
      else
        packing::panels<Factor, Columns>(right_of(p.first_item + item).below(p.first_depth, p.depth).from(column, call.n - column), count,
                                         p.room(), begin, end, at);
    });
  }

  /// A part of C that one thread multiplies.
  struct tile {
    index item, i, rows, j, cols;
  };

  /// Rows of the left factor, a block of the depth: from unit u on, at most block_units.
  void pack_left(part const& p, index item, index i, index rows, index u, unit* to) const {
    index const depth = std::min(block_depth, p.depth - u * per_unit), first = p.first_depth + u * per_unit;
    if (a.rows)
      packing::left<Factor>(a.rows, i, rows, first, depth, to);
    else
      packing::left<Factor>(left_of(item).from(i, rows).below(first, depth), to);
  }

  /// The left factor as [item][tile's rows][block of the depth], packed once for tiles that lie beside each other; null where each tile
  /// packs its own, as it has no neighbours or the factor is thin or too large.
  unit* shared_left(thread_team& team, part const& p, tile_grid const& grid) const {
    index const blocks = p.blocks(), size = grid.rows * packing::block_stride, all = p.items * grid.down * blocks;
    if (grid.across == 1 || call.m <= thin_rows || all * size > left_units) return nullptr;
    unit* const shared = factor_space<false>(all * size);
    team.run(all, [&](index task) {
      index const stripe = task / blocks, i = stripe % grid.down * grid.rows;
      pack_left(p, p.first_item + stripe / grid.down, i, std::min(grid.rows, call.m - i), task % blocks * packing::block_units,
                shared + task * size);
    });
    return shared;
  }

  void multiply(thread_team& team, part const& p, unit const* right) const {
    tile_grid const grid(call.m, call.n, p.items, kernel.together);
    unit const* const shared = shared_left(team, p, grid);
    whole_rows done(finish, p.items == 1 ? grid.down : 0, grid.across);
    index const tiles = grid.down * grid.across, block = grid.rows * packing::block_stride;
    team.run(p.items * tiles, [&](index task) {
      index const item = task / tiles, i = task / grid.across % grid.down * grid.rows, j = task % grid.across * grid.cols;
      tile const t{p.first_item + item, i, std::min(grid.rows, call.m - i), j, std::min(grid.cols, call.n - j)};
      multiply_tile(p, t, shared ? shared + task / grid.across * p.blocks() * block : nullptr, block,
                    right + item * panels * p.room() * Columns);
      if (p.first_depth + p.depth != call.k) return;
      if (finish.part)
        for (index r = 0; r < t.rows; ++r) finish.part(finish.body, i + r, j, t.cols);
      done.tile(task / grid.across, i, t.rows);
    });
  }

  /// @param shared the blocks of the left factor's rows, `block` units each, or null where the tile packs them
  void multiply_tile(part const& p, tile const& t, unit const* shared, index block, unit const* right) const {
    float* const to = c + call.c_offset(t.item) + t.i * call.ldc + t.j;
    bool const begins = p.first_depth == 0;
    if (begins && call.beta != 0 && call.beta != 1)
      for (index r = 0; r < t.rows; ++r)
        for (index x = 0; x < t.cols; ++x) to[r * call.ldc + x] *= static_cast<float>(call.beta);
    kernel_in_use const in_use(kernel);
    unit* const own = shared ? nullptr : left_space();
    for (index u = 0; u < p.units(); u += packing::block_units) {
      if (own) pack_left(p, t.item, t.i, t.rows, u, own);
      unit const* const left = own ? own : shared + u / packing::block_units * block;
      index const count = std::min(packing::block_units, p.units() - u);
      bool const add = !begins || u > 0 || call.beta != 0;
      for (index x = 0; x < t.cols; x += Columns) {
        unit const* const panel = right + ((t.j + x) / Columns * p.room() + u) * Columns;
        if (kernel.one_row && t.rows == 1 && t.cols - x >= 2 * Columns) {
          kernel.one_row(count, left, panel, p.room() * Columns, to + x, add);
          x += Columns;
        } else if (t.cols - x >= Columns) {
          kernel.run(t.rows, count, left, panel, to + x, call.ldc, add);
        } else {
          edge(t.rows, count, left, panel, to + x, t.cols - x, add);
        }
      }
    }
  }

  /// The last panel of a C that ends within it.
  void edge(index rows, index count, unit const* left, unit const* panel, float* to, index cols, bool add) const {
    alignas(64) float whole[left_rows * Columns];
    kernel.run(rows, count, left, panel, whole, Columns, false);
    for (index r = 0; r < rows; ++r)
      for (index x = 0; x < cols; ++x) to[r * call.ldc + x] = whole[r * Columns + x] + (add ? to[r * call.ldc + x] : 0.0f);
  }

  void no_terms() const {
    for (index item = 0; item < call.batches * call.heads; ++item)
      for (index i = 0; i < call.m; ++i) {
        float* const row = c + call.c_offset(item) + i * call.ldc;
        for (index j = 0; j < call.n; ++j) row[j] = call.beta == 0 ? 0.0f : static_cast<float>(call.beta) * row[j];
        if (finish.part) finish.part(finish.body, i, 0, call.n);
        if (finish.whole) finish.whole(finish.body, i);
      }
  }

  void run(thread_team& team, packed_weights& packs) const {
    if (call.k <= 0) return no_terms();
    index const items = call.batches * call.heads;
    part const all{0, items, 0, call.k};
    if (items == 1 && !b.rows)
      if (auto const* const kept = packs.find(call, b.data, packed_weights::form::units, size(all), [&](unit* to) { pack(team, all, to); }))
        return multiply(team, all, kept);
    part p = all;
    if (items > 1)
      p.items = std::clamp<index>(right_units * items / size(all), 1, items);
    else if (size(all) > right_units)
      p.depth = std::max<index>(1, right_units / (panels * Columns) / packing::block_units) * block_depth;
    for (; p.first_item < items; p.first_item += p.items)
      for (p.first_depth = 0; p.first_depth < call.k; p.first_depth += p.depth) {
        part now = p;
        now.items = std::min(p.items, items - p.first_item), now.depth = std::min(p.depth, call.k - p.first_depth);
        unit* const right = factor_space<true>(size(now));
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
    if (finish.part)
      for (index r = 0; r < call.m; ++r) finish.part(finish.body, r, begin * columns, std::min(end * columns, call.n) - begin * columns);
  });
  if (finish.whole)
    for (index r = 0; r < call.m; ++r) finish.whole(finish.body, r);
  return true;
}

}  // namespace detail

/// C = alpha op(A) op(B) + beta C, both factors rounded as the precision says.
template <class Precision, class Arch>
void packed_gemm(thread_team& team, packed_weights& packs, gemm_call const& call, gemm_operand a, gemm_operand b, float* c,
                 tile_finish const& finish = {}) {
  if (a.rows && call.m <= detail::thin_rows) a = detail::made_rows(call, a.rows);  // each tile would make them again
  if constexpr (requires { typename Precision::kept_type; })
    if (!a.rows && !b.rows && detail::int8_product(team, packs, call, a.data, b.data, c, finish)) return;
  if constexpr (std::is_same_v<typename Precision::factor_type, bfloat16>)
    detail::packed_product<bfloat16, bfloat16_columns>{call, a, b, c, best_bfloat16_kernel<Arch>(), finish}.run(team, packs);
  else
    detail::packed_product<float, detail::float_kernel<Arch>::columns>{call, a, b, c, detail::float_kernel<Arch>::entry, finish}.run(team,
                                                                                                                                     packs);
}

}  // namespace SPEARSTORM_NS::backend
