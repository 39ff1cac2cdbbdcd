#pragma once
// A linear map per group of neighbouring rows: the rows of one level meet that level's weight only.

#include <span>

#include "spearstorm/ops/linear.hpp"

namespace SPEARSTORM_NS::ops {

/// Rows offsets[l] ... offsets[l + 1] - 1 belong to group l. A fixed array, so that the tape can keep it.
struct row_groups {
  static constexpr index most = 64;
  index count = 0;
  index offsets[most + 1] = {};
  index first(index group) const { return offsets[group]; }
  index size(index group) const { return offsets[group + 1] - offsets[group]; }
};

struct grouped_linear_op {
  static constexpr char const* name = "grouped_linear";

  template <class T>
  struct saved {
    T const *x, *w;
    row_groups groups;
    index rows, in, out;
  };

  template <class OutAxis>
  static auto forward(context_like auto& ctx, auto const& x, auto const& w, auto const& b, row_groups const& groups, OutAxis) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    index const rows = x.rows(), in = x.cols(), out = w.extent(1);
    T* const y = ctx.template allocate<T>(rows * out);
    for (index l = 0; l < groups.count; ++l) {
      index const first = groups.first(l), size = groups.size(l);
      verbs::gemm_then(ctx.exec(), {.m = size, .n = out, .k = in, .trans_b = true, .lda = in, .ldb = in, .ldc = out}, x.data() + first * in,
                       w.data() + l * out * in, y + first * out,
                       finish_row<identity, T>{{}, b.data() + l * out, y + first * out, nullptr, out});
    }
    auto extents = x.extents();
    extents.back() = out;
    using axes = replace_last<typename std::remove_cvref_t<decltype(x)>::axes_type, OutAxis>;
    return std::pair{ctx.template wrap<axes>(y, extents), saved<T>{x.data(), w.data(), groups, rows, in, out}};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    T* const dx = back.result(0, s.rows * s.in);
    T* const dw = back.result(1, s.groups.count * s.out * s.in);
    T* const db = back.result(2, s.groups.count * s.out);
    for (index l = 0; l < s.groups.count; ++l) {
      index const first = s.groups.first(l), size = s.groups.size(l), weight = l * s.out * s.in;
      T const* const up = dy + first * s.out;
      if (dx)
        verbs::gemm(back.exec(), {.m = size, .n = s.in, .k = s.out, .lda = s.out, .ldb = s.in, .ldc = s.in}, up, s.w + weight,
                    dx + first * s.in);
      if (dw && size == 0) verbs::fill(back.exec(), dw + weight, s.out * s.in, T(0));
      if (dw && size > 0)
        verbs::gemm(back.exec(), {.m = s.out, .n = s.in, .k = size, .trans_a = true, .lda = s.out, .ldb = s.in, .ldc = s.in}, up,
                    s.x + first * s.in, dw + weight);
      if (db) detail::sum_over(back.exec(), 1, size, s.out, up, db + l * s.out, [&](index n) { return back.template scratch<T>(n); });
    }
  }
};

namespace detail_linear {
/// @throws shape_error, value_error
inline row_groups groups_of(std::span<index const> offsets, index levels, index rows) {
  check_range<index>("grouped_linear", "the number of weights", levels, 1, row_groups::most);
  if (static_cast<index>(offsets.size()) != levels + 1)
    fail<shape_error>("grouped_linear: offsets has ", offsets.size(), " entries, ", levels, " weights expect ", levels + 1);
  row_groups made{.count = levels};
  for (index l = 0; l <= levels; ++l) {
    index const at = made.offsets[l] = offsets[static_cast<std::size_t>(l)], least = l == 0 ? 0 : made.offsets[l - 1];
    if (at < least || at > rows || (l == 0 && at != 0) || (l == levels && at != rows))
      fail<value_error>("grouped_linear: offsets at position ", l, " = ", at, ", expected ",
                        l == 0        ? "0"
                        : l == levels ? message(rows)
                                      : message(least, " to ", rows));
  }
  return made;
}
}  // namespace detail_linear

/// @shape x (..., in), seen as (rows, in)  weight (levels, out, in)  bias (levels, out)  returns (..., OutAxis)
/// @math  y_r = weight[l] x_r + bias[l] for offsets[l] <= r < offsets[l + 1];  a level without rows has a gradient of zeros
/// @cost  2 rows in out FLOPs, one product a level; recording keeps x
/// @throws shape_error where weight, bias or the number of offsets does not fit, value_error where the offsets do not rise
///         from 0 to the number of rows or there are more than 64 levels
/// @see    soundstorm-pytorch: the EinMix behind the heads, which computes all levels for all rows
template <class OutAxis = axes::dim<>>
auto grouped_linear(context_like auto& ctx, operand auto const& x, operand auto const& weight, operand auto const& bias,
                    std::span<index const> offsets) {
  auto const xs = ctx.eval(x);
  auto const w = ctx.eval(weight);
  auto const b = ctx.eval(bias);
  static_assert(decltype(w)::rank == 3 && decltype(b)::rank == 2,
                "spearstorm: grouped_linear: weight is (levels, out, in), bias (levels, out)");
  check_size("grouped_linear", "input", last_axis<typename decltype(xs)::axes_type>::name, xs.cols(), "weight", w.extent(2));
  check_size("grouped_linear", "bias", "levels", b.extent(0), "weight", w.extent(0));
  check_size("grouped_linear", "bias", OutAxis::name, b.extent(1), "weight", w.extent(1));
  if (OutAxis::extent != dynamic) check_size("grouped_linear", "weight", OutAxis::name, w.extent(1), "the result", OutAxis::extent);
  return record<grouped_linear_op>(ctx, std::tuple{xs, w, b}, detail_linear::groups_of(offsets, w.extent(0), xs.rows()), OutAxis{});
}

}  // namespace SPEARSTORM_NS::ops
