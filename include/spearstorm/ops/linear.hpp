#pragma once
// y = f(x W^T + b), the product and one pass behind it.

#include "spearstorm/ops/layer_products.hpp"

namespace SPEARSTORM_NS::ops {

/// The epilogue that changes nothing.
struct identity {
  template <class T> SPEARSTORM_HD static T value(T x) { return x; }
  template <class T> SPEARSTORM_HD static T partial(T, T) { return T(1); }
};

/// Behind a product: adds the bias, keeps the sum where backward needs it, applies the epilogue.
template <class F, class T>
struct finish_row {
  F f;
  T const* bias;
  T* y;
  T* before;
  index cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row, index first, index count) const {
    T* const to = y + row * cols + first;
    Lanes::each(count, [&](auto at) {
      auto z = at.load(to);
      if (bias) z = z + at.load(bias + first);
      if (before) at.store(before + row * cols + first, z);
      at.store(to, f.value(z));
    });
  }
};

/// dz = dy * f'(z)
template <class F, class T>
struct unfinish_elements {
  F f;
  T const* z;
  T const* dy;
  T* dz;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    Lanes::each(count, [&](auto at) {
      auto const x = at.load(z + first);
      at.store(dz + first, at.load(dy + first) * f.partial(x, f.value(x)));
    });
  }
};

template <class F>
struct linear_op {
  static constexpr char const* name = "linear";
  static constexpr bool plain = std::is_same_v<F, identity>;

  template <class T, class X = T const*>
  struct saved {
    F f;
    X x;
    T const* w;
    T const* z;  // before the epilogue
    index rows, in, out;
  };

  /// b with null data means no bias.
  static auto forward(context_like auto& ctx, auto const& x, auto const& w, auto const& b, F f) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    using out_axis = std::remove_cvref_t<decltype(b)>;
    index const rows = x.rows(), in = x.cols(), out = w.extent(0);
    T* const y = ctx.template allocate<T>(rows * out);
    T* z = nullptr;
    if constexpr (std::remove_reference_t<decltype(ctx)>::is_recording && !plain) z = ctx.template allocate<T>(rows * out);
    auto const call = detail_rows::layer_call(rows, in, out);
    auto const from = detail_rows::factor_of(x);
    if (plain && !b.data())
      detail_rows::product(ctx.exec(), call, from, w.data(), y);
    else
      detail_rows::product(ctx.exec(), call, from, w.data(), y, finish_row<F, T>{f, b.data(), y, z, out});
    return std::pair{detail_rows::wrap_outputs<last_axis<typename out_axis::axes_type>>(ctx, x, y, out),
                     saved<T, decltype(detail_rows::factor_of(x))>{f, from, w.data(), z, rows, in, out}};
  }

  template <class T, class X>
  static void adjoint(auto& back, saved<T, X> const& s, T const* dy) {
    T const* dz = dy;
    if constexpr (!plain) {
      T* const through = back.template scratch<T>(s.rows * s.out);
      verbs::transform<T>(back.exec(), s.rows * s.out, backend::move_span, unfinish_elements<F, T>{s.f, s.z, dy, through});
      dz = through;
    }
    if (T* const dx = back.result(0, s.rows * s.in)) detail_rows::input_gradient(back.exec(), s.rows, s.in, s.out, 1, dz, s.w, dx);
    if (T* const dw = back.result(1, s.out * s.in)) detail_rows::weight_gradient(back.exec(), s.rows, s.in, s.out, 1, dz, s.x, dw);
    if (T* const db = back.result(2, s.out))
      detail::sum_over(back.exec(), 1, s.rows, s.out, dz, db, [&](index n) { return back.template scratch<T>(n); });
  }
};

namespace detail_linear {
/// ss::silu and its like are functor and function in one; the functor alone.
template <class F>
auto functor_of(F const& f) {
  if constexpr (requires { typename F::functor; })
    return static_cast<typename F::functor const&>(f);
  else
    return f;
}

template <class OutAxis, class F>
auto run(context_like auto& ctx, row_operand auto const& x, operand auto const& weight, auto const& bias, F f) {
  auto const xs = detail_rows::input_of(ctx, x);
  auto const w = ctx.eval(weight);
  check_size("linear", "input", last_axis<typename decltype(xs)::axes_type>::name, xs.cols(), "weight", w.extent(1));
  if (bias.data()) check_size("linear", "bias", OutAxis::name, bias.size(), "weight", w.extent(0));
  return record<linear_op<F>>(ctx, std::tuple{xs, w, bias}, f);
}
}  // namespace detail_linear

/// A product with a weight, a bias and an element-wise epilogue in one op.
/// @shape x (..., in)  weight (out, in)  bias (out)  returns (..., OutAxis)
/// @math  y = f(x W^T + b);  dx = dz W,  dW = dz^T x,  db = sum dz,  dz = dy f'(z)
/// @param x a tensor, an expression, or rows that the product makes (layer_norm_rows and its like)
/// @cost  2 rows in out FLOPs forward, twice that backward; recording keeps x, and z where there is an epilogue
/// @throws shape_error where weight or bias does not fit the input
template <class OutAxis = axes::dim<>, class F = identity>
auto linear(context_like auto& ctx, row_operand auto const& x, operand auto const& weight, operand auto const& bias, F f = {}) {
  auto const b = view<OutAxis>(ctx.eval(bias));
  return detail_linear::run<OutAxis>(ctx, x, weight, b, detail_linear::functor_of(f));
}

/// Without a bias.
template <class OutAxis = axes::dim<>, class F = identity>
  requires(!operand<F>)
auto linear(context_like auto& ctx, row_operand auto const& x, operand auto const& weight, F f = {}) {
  using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
  return detail_linear::run<OutAxis>(ctx, x, weight, tensor<T, OutAxis>{}, detail_linear::functor_of(f));
}

}  // namespace SPEARSTORM_NS::ops
