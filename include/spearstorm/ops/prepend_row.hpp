#pragma once
// A learned row in front of every example's frames: a start token, or the key that is there when nothing else is.

#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::ops {

/// Row (batch, frame of the result): the learned row first, then x's frames.
template <class T>
struct prepend_row_row {
  T const *first, *x;
  T* y;
  index frames, cols;  // frames of the result
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    index const b = row / frames, t = row % frames;
    T const* const from = t == 0 ? first : x + (row - b - 1) * cols;
    Lanes::each(cols, [&](auto at) { at.store(y + row * cols, at.load(from)); });
  }
};

struct prepend_row_op {
  static constexpr char const* name = "prepend_row";

  struct saved {
    index batch, frames, cols;  // frames of the result
  };

  static auto forward(context_like auto& ctx, auto const& first, auto const& x) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    index const batch = x.extent(0), frames = x.extent(1) + 1, cols = x.cols();
    T* const y = ctx.template allocate<T>(batch * frames * cols);
    verbs::each_row<T>(ctx.exec(), batch * frames, cols, prepend_row_row<T>{first.data(), x.data(), y, frames, cols});
    using axes = typename std::remove_cvref_t<decltype(x)>::axes_type;
    return std::pair{ctx.template wrap<axes>(y, {batch, frames, cols}), saved{batch, frames, cols}};
  }

  template <class T>
  static void adjoint(auto& back, saved const& s, T const* dy) {
    index const pitch = s.frames * s.cols, rest = pitch - s.cols;
    if (T* const dfirst = back.result(0, s.cols)) {
      T* const rows = back.template scratch<T>(s.batch * s.cols);
      verbs::copy_rows(back.exec(), s.batch, s.cols, dy, pitch, rows, s.cols);
      detail::sum_over(back.exec(), 1, s.batch, s.cols, rows, dfirst, [&](index n) { return back.template scratch<T>(n); });
    }
    if (T* const dx = back.result(1, s.batch * rest)) verbs::copy_rows(back.exec(), s.batch, rest, dy + s.cols, pitch, dx, rest);
  }
};

/// @shape first (dim)  x (batch, frames, dim)  returns (batch, 1 + frames, dim)
/// @math  y_b0 = first, y_b,t+1 = x_bt;  dfirst = the sum over b of dy_b0,  dx_bt = dy_b,t+1
/// @cost  one copy of x
/// @throws shape_error where the two differ in dim
auto prepend_row(context_like auto& ctx, operand_of<axes::dim<>> auto const& first,
                 operand_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& x) {
  auto const f = ctx.eval(first);
  auto const xs = ctx.eval(x);
  check_size("prepend_row", "first", "dim", f.size(), "x", xs.cols());
  return record<prepend_row_op>(ctx, std::tuple{f, xs});
}

}  // namespace SPEARSTORM_NS::ops
