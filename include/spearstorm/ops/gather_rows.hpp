#pragma once
// Chosen rows of an activation: the masked positions that a loss is taken of.

#include "spearstorm/ops/embed.hpp"

namespace SPEARSTORM_NS::ops {

/// A lookup like embed, in an activation instead of a table.
struct gather_rows_op : embed_op {
  static constexpr char const* name = "gather_rows";
};

/// @shape x (..., dim), seen as (n, dim)  chosen (rows)  returns (rows, dim)
/// @math  y_r = x[chosen_r];  dx[i] = the sum of dy_r over r with chosen_r = i, zero where no r chose i
/// @cost  reads and writes the chosen rows; recording keeps the place of `chosen`
/// @throws value_error where a chosen row is none of x; a device looks at them in anomaly mode only
template <axis_type Rows>
auto gather_rows(context_like auto& ctx, operand auto const& x, tensor<std::int32_t, Rows> const& chosen) {
  auto const xs = ctx.eval(x);
  static_assert(decltype(xs)::rank > 0, "spearstorm: gather_rows: x needs an axis of features");
  auto const at = ctx.eval(chosen);
  detail::check_ids(ctx, "gather_rows", "chosen", at, xs.rows());
  using axes = axis_list<Rows, last_axis<typename decltype(xs)::axes_type>>;
  return record<gather_rows_op>(ctx, std::tuple{xs}, at, index{1}, index{1}, index{0}, sizes<2>{at.size(), xs.cols()}, axes{});
}

}  // namespace SPEARSTORM_NS::ops
