#pragma once
// Two products of one input, the first opening the second, in one op: both biases and the gate are one pass behind the second product.

#include "spearstorm/ops/linear.hpp"

namespace SPEARSTORM_NS::ops {

/// Behind the products: adds the biases, keeps both sums where backward needs them, y = f(gate) * value. y may be `gate`, or null.
template <class F, class T>
struct gate_row {
  F f;
  T const *gate_bias, *value_bias;  // either may be null
  T *gate, *value, *y;
  index cols;
  bool keep;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row, index first, index count) const {
    T *const g = gate + row * cols + first, *const v = value + row * cols + first;
    Lanes::each(count, [&](auto at) {
      auto opening = at.load(g), behind = at.load(v);
      if (gate_bias) opening = opening + at.load(gate_bias + first);
      if (value_bias) behind = behind + at.load(value_bias + first);
      if (keep) at.store(g, opening), at.store(v, behind);
      if (y) at.store(y + row * cols + first, f.value(opening) * behind);
    });
  }
};

/// dgate = dy * value * f'(gate),  dvalue = dy * f(gate)
template <class F, class T>
struct ungate_elements {
  F f;
  T const *gate, *value, *dy;
  T *dgate, *dvalue;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    Lanes::each(count, [&](auto at) {
      auto const g = at.load(gate + first), up = at.load(dy + first), open = f.value(g);
      at.store(dgate + first, up * at.load(value + first) * f.partial(g, open));
      at.store(dvalue + first, up * open);
    });
  }
};

/// A part of a row of f(gate) * value.
template <class F, class T>
struct gate_source {
  F f;
  T const *gate, *value;
  index cols;
  template <class Lanes>
  void operator()(Lanes, index row, index first, index count, T* to) const {
    T const *const g = gate + row * cols + first, *const v = value + row * cols + first;
    Lanes::each(count, [&](auto at) { at.store(to, f.value(at.load(g)) * at.load(v)); });
  }
};

/// Not stored: a recorded product keeps gate and value, and y is left to be made from them.
template <class F, bool Stored = true>
struct gated_linear_op {
  static constexpr char const* name = "gated_linear";

  template <class T, class X = T const*>
  struct saved {
    F f;
    X x;
    T const *gate_weight, *value_weight, *gate, *value;
    index rows, in, out;
  };

  static auto forward(context_like auto& ctx, auto const& x, auto const& wg, auto const& bg, auto const& wv, auto const& bv, F f) {
    using context_type = std::remove_reference_t<decltype(ctx)>;
    using T = typename context_type::value_type;
    index const rows = x.rows(), in = x.cols(), out = wg.extent(0);
    T* const y = Stored ? ctx.template allocate<T>(rows * out) : nullptr;
    T *gate = y, *value = nullptr;
    if constexpr (context_type::is_recording) gate = ctx.template allocate<T>(2 * rows * out), value = gate + rows * out;
    auto const guard = ctx.scratch();
    if constexpr (!context_type::is_recording) value = ctx.template allocate<T>(rows * out);
    auto const call = detail_rows::layer_call(rows, in, out);
    auto const from = detail_rows::factor_of(x);
    detail_rows::product(ctx.exec(), call, from, wg.data(), gate);
    detail_rows::product(ctx.exec(), call, from, wv.data(), value,
                         gate_row<F, T>{f, bg.data(), bv.data(), gate, value, y, out, context_type::is_recording});
    using out_axis = last_axis<typename std::remove_cvref_t<decltype(bg)>::axes_type>;
    using kept = saved<T, decltype(detail_rows::factor_of(x))>;
    return std::pair{detail_rows::wrap_outputs<out_axis>(ctx, x, Stored ? y : gate, out),
                     kept{f, from, wg.data(), wv.data(), gate, value, rows, in, out}};
  }

  template <class T, class X>
  static void adjoint(auto& back, saved<T, X> const& s, T const* dy) {
    auto const scratch = [&](index n) { return back.template scratch<T>(n); };
    index const size = s.rows * s.out;
    T *const dgate = scratch(size), *const dvalue = scratch(size);
    verbs::transform<T>(back.exec(), size, backend::move_span, ungate_elements<F, T>{s.f, s.gate, s.value, dy, dgate, dvalue});
    if (T* const dx = back.result(0, s.rows * s.in)) {
      detail_rows::input_gradient(back.exec(), s.rows, s.in, s.out, 1, dgate, s.gate_weight, dx);
      detail_rows::input_gradient(back.exec(), s.rows, s.in, s.out, 1, dvalue, s.value_weight, dx, 1);
    }
    T const* const of[] = {dgate, dvalue};
    for (index side = 0; side < 2; ++side) {
      if (T* const dw = back.result(1 + 2 * side, s.out * s.in))
        detail_rows::weight_gradient(back.exec(), s.rows, s.in, s.out, 1, of[side], s.x, dw);
      if (T* const db = back.result(2 + 2 * side, s.out)) detail::sum_over(back.exec(), 1, s.rows, s.out, of[side], db, scratch);
    }
  }
};

/// What gated_linear takes: a record with a weight (out, in) and a bias (out), such as nn::linear. The bias may be a std::optional.
template <class L>
concept linear_layer = requires(L const& layer) {
  requires operand<decltype(layer.weight)>;
  layer.bias;
};

namespace detail_linear {
template <class First, class... Rest>
axes::dim<First::extent> features(axis_list<First, Rest...>);

/// The bias as a tensor; without data where there is none.
template <class OutAxis>
auto bias_of(context_like auto& ctx, auto const& bias) {
  using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
  if constexpr (operand<decltype(bias)>)
    return view<OutAxis>(ctx.eval(bias));
  else
    return bias ? view<OutAxis>(ctx.eval(*bias)) : tensor<T, OutAxis>{};
}
template <bool Stored, class F>
auto run_gated(context_like auto& ctx, row_operand auto const& x, linear_layer auto const& gate, linear_layer auto const& value, F f) {
  auto const xs = detail_rows::input_of(ctx, x);
  auto const wg = ctx.eval(gate.weight);
  auto const wv = ctx.eval(value.weight);
  using out_axis = decltype(features(typename decltype(wg)::axes_type{}));
  auto const bg = bias_of<out_axis>(ctx, gate.bias);
  auto const bv = bias_of<out_axis>(ctx, value.bias);
  constexpr auto axis = last_axis<typename decltype(xs)::axes_type>::name;
  check_size("gated_linear", "input", axis, xs.cols(), "gate.weight", wg.extent(1));
  check_size("gated_linear", "input", axis, xs.cols(), "value.weight", wv.extent(1));
  check_size("gated_linear", "value.weight", "out", wv.extent(0), "gate.weight", wg.extent(0));
  if (bg.data()) check_size("gated_linear", "gate.bias", "out", bg.size(), "gate.weight", wg.extent(0));
  if (bv.data()) check_size("gated_linear", "value.bias", "out", bv.size(), "gate.weight", wg.extent(0));
  return record<gated_linear_op<F, Stored>>(ctx, std::tuple{xs, wg, bg, wv, bv}, f);
}
}  // namespace detail_linear

/// @shape x (..., in)  gate.weight, value.weight (out, in)  gate.bias, value.bias (out)  returns (..., dim = out)
/// @math  y = f(g) * v,  g = x Wg^T + bg,  v = x Wv^T + bv;  dg = dy v f'(g),  dv = dy f(g),  dx = dg Wg + dv Wv
/// @cost  4 rows in out FLOPs forward, twice that backward; recording keeps x, g and v
/// @throws shape_error where a weight or bias does not fit the input or the two layers differ in size
template <class F>
auto gated_linear(context_like auto& ctx, row_operand auto const& x, linear_layer auto const& gate, linear_layer auto const& value, F f) {
  return detail_linear::run_gated<true>(ctx, x, gate, value, detail_linear::functor_of(f));
}

/// gated_linear for a product to make as it reads it: where a step is recorded and the policy's products make rows, g and v are stored and
/// y is not.
/// @shape, @throws as gated_linear
template <class F>
auto gated_linear_rows(context_like auto& ctx, row_operand auto const& x, linear_layer auto const& gate, linear_layer auto const& value,
                       F f) {
  using context_type = std::remove_reference_t<decltype(ctx)>;
  if constexpr (!detail_rows::makes_rows<context_type>) {
    return gated_linear(ctx, x, gate, value, f);
  } else {
    auto const open = detail_linear::functor_of(f);
    auto const like = detail_linear::run_gated<false>(ctx, x, gate, value, open);
    using T = typename context_type::value_type;
    return made_rows(like, gate_source<std::remove_cv_t<decltype(open)>, T>{open, like.data(), like.data() + like.size(), like.cols()});
  }
}

}  // namespace SPEARSTORM_NS::ops
