#pragma once
// Rows of a table by id: one, or the sum of one per level.

#include <algorithm>

#include "spearstorm/ops/ids.hpp"
#include "spearstorm/ops/scatter.hpp"
#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::ops {

/// Row r: the sum over levels l of the table's row ids (r, l) + (r % groups * levels + l) * stride.
template <class T>
struct lookup_row {
  T const* table;
  std::int32_t const* ids;
  T* y;
  index levels, groups, stride, cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    std::int32_t const* const id = ids + row * levels;
    T const* const from = table + row % groups * levels * stride * cols;
    Lanes::each(cols, [&](auto at) {
      typename Lanes::pack total = at.load(from + id[0] * cols);
      for (index l = 1; l < levels; ++l) total = total + at.load(from + (id[l] + l * stride) * cols);
      at.store(y + row * cols, total);
    });
  }
};

/// The table's row of each id: what adjoints scatter by. `period` columns have tables of their own.
struct flat_id_elements {
  std::int32_t const* ids;
  std::int32_t* flat;
  index period, stride;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index i = first; i < first + count; ++i) flat[i] = static_cast<std::int32_t>(ids[i] + i % period * stride);
  }
};

struct embed_op {
  static constexpr char const* name = "embed";

  template <class T>
  struct saved {
    std::int32_t const* ids;
    index rows, levels, groups, stride, table_rows, cols;
  };

  /// @param extents of a result with axes `Axes`
  template <class Axes>
  static auto forward(context_like auto& ctx, auto const& table, auto const& ids, index levels, index groups, index stride,
                      sizes<Axes::rank> extents, Axes) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    index const cols = table.cols(), rows = levels == 0 ? 0 : ids.size() / levels;
    T* const y = ctx.template allocate<T>(rows * cols);
    verbs::each_row<T>(ctx.exec(), rows, levels * cols, lookup_row<T>{table.data(), ids.data(), y, levels, groups, stride, cols});
    return std::pair{ctx.template wrap<Axes>(y, extents), saved<T>{ids.data(), rows, levels, groups, stride, table.rows(), cols}};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    T* const dtable = back.result(0, s.table_rows * s.cols);
    if (!dtable) return;
    index const n = s.rows * s.levels;
    auto const scratch = [&](index count) { return back.template scratch<std::int32_t>(count); };
    std::int32_t const* ids = s.ids;
    if (s.levels * s.groups > 1 && s.stride > 0) {
      std::int32_t* const flat = scratch(n);
      verbs::transform<float>(back.exec(), n, backend::move_span, flat_id_elements{s.ids, flat, s.levels * s.groups, s.stride});
      ids = flat;
    }
    detail::scatter_add(back.exec(), scratch, n, ids, s.cols, dy, s.table_rows, dtable, s.levels);
  }
};

namespace detail_embed {
template <class... Axes, class Last>
axis_list<Axes..., Last> append(axis_list<Axes...>, Last);
}  // namespace detail_embed

/// @shape table (vocab, dim)  ids (...)  returns (..., dim)
/// @math  y_r = table[ids_r];  dtable[v] = the sum of dy_r over r with ids_r = v, in the order of r
/// @cost  reads and writes one row an id; recording keeps the ids' place
/// @throws value_error where an id is no row of the table; a device looks at ids in anomaly mode only
template <class... Axes>
auto embed(context_like auto& ctx, operand auto const& table, tensor<std::int32_t, Axes...> const& ids) {
  auto const t = ctx.eval(table);
  static_assert(decltype(t)::rank == 2, "spearstorm: embed: the table needs two axes, (vocab, dim)");
  auto const at = ctx.eval(ids);
  detail::check_ids(ctx, "embed", "ids", at, t.rows());
  using axes = decltype(detail_embed::append(axis_list<Axes...>{}, last_axis<typename decltype(t)::axes_type>{}));
  sizes<axes::rank> extents{};
  std::copy(ids.extents().begin(), ids.extents().end(), extents.begin());
  extents.back() = t.cols();
  return record<embed_op>(ctx, std::tuple{t}, at, index{1}, index{1}, index{0}, extents, axes{});
}

struct embed_sum_options {
  index stride = 0;  ///< rows of the table a level has for itself; 0: all levels share the table
  index groups = 1;  ///< the levels of a group are summed, groups stand side by side
};

/// The embeddings of one id a level, added up: how SoundStorm enters the codes of a frame.
/// @shape table (vocab, dim)  ids (..., levels)  returns (..., groups * dim)
/// @math  y_(r, g) = the sum over levels l of group g of table[l * stride + ids_(r, l)];  dtable as for embed
/// @throws shape_error where the table has fewer rows than levels * stride or groups do not divide the levels, value_error where an id
///         is not below stride (or, sharing, no row of the table); a device looks at ids in anomaly mode only
/// @see    soundstorm-pytorch: code_embeds with quantizer_offsets, reduced by 'b n (g q) d -> b n (g d)'
template <class... Axes>
auto embed_sum(context_like auto& ctx, operand auto const& table, tensor<std::int32_t, Axes...> const& ids, embed_sum_options options) {
  auto const t = ctx.eval(table);
  static_assert(decltype(t)::rank == 2, "spearstorm: embed_sum: the table needs two axes, (vocab, dim)");
  static_assert(sizeof...(Axes) > 0, "spearstorm: embed_sum: ids need an axis of levels");
  auto const at = ctx.eval(ids);
  index const levels = at.cols(), groups = options.groups;
  if (levels < 1) fail<shape_error>("embed_sum: ids has levels = ", levels, ", expected at least 1");
  if (groups < 1 || levels % groups != 0)
    fail<shape_error>("embed_sum: ids has levels = ", levels, ", expected a multiple of groups = ", groups);
  if (options.stride < 0) fail<value_error>("embed_sum: stride = ", options.stride, ", expected 0 or more");
  if (t.rows() < levels * options.stride)
    fail<shape_error>("embed_sum: table has ", t.rows(), " rows, ids with ", levels, " levels of ", options.stride, " expect ",
                      levels * options.stride);
  detail::check_ids(ctx, "embed_sum", "ids", at, options.stride > 0 ? options.stride : t.rows());
  using one = last_axis<typename decltype(t)::axes_type>;
  using axes = replace_last<axis_list<Axes...>, typename one::template resized<dynamic>>;
  auto extents = at.extents();
  extents.back() = groups * t.cols();
  return record<embed_op>(ctx, std::tuple{t}, at, levels / groups, groups, options.stride, extents, axes{});
}

}  // namespace SPEARSTORM_NS::ops
