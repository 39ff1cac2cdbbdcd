#pragma once
// Softmax over the last axis.

#include <limits>

#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::ops {

/// `lowest` is the least finite value: with it as the floor of the maximum, a row of -inf gives zeros and no NaN.
template <class T>
struct softmax_row {
  T const* x;
  T* y;
  index cols;
  T lowest;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const* const from = x + row * cols;
    T* const to = y + row * cols;
    T const most = Lanes::max(cols, lowest, [&](auto at) { return at.load(from); });
    T const total = Lanes::sum(cols, [&](auto at) {
      pack const e = exp(at.load(from) - pack(most));
      at.store(to, e);
      return e;
    });
    T const scale = total > T(0) ? T(1) / total : T(0);
    Lanes::each(cols, [&](auto at) { at.store(to, at.load(to) * pack(scale)); });
  }
};

template <class T>
struct softmax_back_row {
  T const *y, *dy;
  T* dx;
  index cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const *const made = y + row * cols, *const up = dy + row * cols;
    T const both = Lanes::sum(cols, [&](auto at) { return pack(at.load(made) * at.load(up)); });
    Lanes::each(cols, [&](auto at) { at.store(dx + row * cols, at.load(made) * (at.load(up) - pack(both))); });
  }
};

struct softmax_op {
  static constexpr char const* name = "softmax";

  template <class T>
  struct saved {
    T const* y;
    index rows, cols;
  };

  static auto forward(context_like auto& ctx, auto const& x) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    T* const y = ctx.template allocate<T>(x.size());
    verbs::each_row<T>(ctx.exec(), x.rows(), 3 * x.cols(), softmax_row<T>{x.data(), y, x.cols(), std::numeric_limits<T>::lowest()});
    using axes = typename std::remove_cvref_t<decltype(x)>::axes_type;
    return std::pair{ctx.template wrap<axes>(y, x.extents()), saved<T>{y, x.rows(), x.cols()}};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    if (T* const dx = back.result(0, s.rows * s.cols))
      verbs::each_row<T>(back.exec(), s.rows, 2 * s.cols, softmax_back_row<T>{s.y, dy, dx, s.cols});
  }
};

/// Each row's exponentials over their sum; a row of -inf gives zeros.
/// @shape x (..., dim)  returns (..., dim)
/// @math  y_i = exp(x_i - max x) / sum_j exp(x_j - max x);  dx = y * (dy - sum(dy * y))
/// @cost  one exp an element; recording keeps y
auto softmax(context_like auto& ctx, operand auto const& x) { return record<softmax_op>(ctx, std::tuple{ctx.eval(x)}); }

}  // namespace SPEARSTORM_NS::ops
