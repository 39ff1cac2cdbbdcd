#pragma once
// A product that is added to what is there already: the sum is made behind the product, and its rows are measured while they are warm.

#include "spearstorm/ops/layer_norm.hpp"
#include "spearstorm/ops/linear.hpp"

namespace SPEARSTORM_NS::ops {

/// Where a product goes: residual + scale * product.
template <class Residual, bool Measure>
struct onto_sum {
  Residual residual;
  double scale;
};
/// @param scale of what is added
template <expression_like Residual>
onto_sum<Residual, false> onto(Residual const& residual, double scale = 1) {
  return {residual, scale};
}
/// The same for a sum that a layer norm reads next: the result is `measured` where the policy's products go over whole rows.
template <expression_like Residual>
onto_sum<Residual, true> onto_measured(Residual const& residual, double scale = 1) {
  return {residual, scale};
}

template <class X>
inline constexpr bool is_onto = false;
template <class Residual, bool Measure>
inline constexpr bool is_onto<onto_sum<Residual, Measure>> = true;
template <class X>
concept onto_like = is_onto<std::remove_cvref_t<X>>;

/// Behind a product: y = residual + scale (y + bias).
template <class T>
struct add_onto_row {
  T const *bias, *residual;  // no bias: null
  T* y;
  index cols;
  T scale;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row, index first, index count) const {
    using pack = typename Lanes::pack;
    T* const to = y + row * cols + first;
    T const* const there = residual + row * cols + first;
    Lanes::each(count, [&](auto at) {
      auto z = at.load(to);
      if (bias) z = z + at.load(bias + first);
      at.store(to, z * pack(scale) + at.load(there));
    });
  }
};

template <class T>
struct measure_row {
  T const* x;
  T *mean, *variance;
  index cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    T mu, var;
    moments_of<Lanes>(x + row * cols, cols, mu, var);
    Lanes::once([&] { mean[row] = mu, variance[row] = var; });
  }
};

template <class T>
struct scale_elements {
  T* x;
  T scale;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    Lanes::each(count, [&](auto at) { at.store(x + first, at.load(x + first) * typename Lanes::pack(scale)); });
  }
};

struct linear_onto_op {
  static constexpr char const* name = "linear_onto";

  template <class T, class X = T const*>
  struct saved {
    X x;
    T const* w;
    index rows, in, out;
    double scale;
  };

  /// b with null data means no bias, null statistics that they are not asked for.
  static auto forward(context_like auto& ctx, auto const& x, auto const& w, auto const& b, auto const& residual, double scale, auto* mean,
                      auto* variance) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    index const rows = x.rows(), in = x.cols(), out = w.extent(0);
    T* const y = ctx.template allocate<T>(rows * out);
    auto const call = detail_rows::layer_call(rows, in, out);
    auto const from = detail_rows::factor_of(x);
    add_onto_row<T> const add{b.data(), residual.data(), y, out, static_cast<T>(scale)};
    if constexpr (!verbs::fuses_rows<typename std::remove_reference_t<decltype(ctx)>::exec_type>)
      detail_rows::product(ctx.exec(), call, from, w.data(), y, add);
    else if (mean)
      detail_rows::product(ctx.exec(), call, from, w.data(), y, add, measure_row<T>{y, mean, variance, out});
    else
      detail_rows::product(ctx.exec(), call, from, w.data(), y, add);
    using axes = typename std::remove_cvref_t<decltype(residual)>::axes_type;
    using kept = saved<T, decltype(detail_rows::factor_of(x))>;
    return std::pair{ctx.template wrap<axes>(y, residual.extents()), kept{from, w.data(), rows, in, out, scale}};
  }

  template <class T, class X>
  static void adjoint(auto& back, saved<T, X> const& s, T const* dy) {
    index const size = s.rows * s.out;
    if (T* const dx = back.result(0, s.rows * s.in)) detail_rows::input_gradient(back.exec(), s.rows, s.in, s.out, s.scale, dy, s.w, dx);
    if (T* const dw = back.result(1, s.out * s.in)) detail_rows::weight_gradient(back.exec(), s.rows, s.in, s.out, s.scale, dy, s.x, dw);
    if (T* const db = back.result(2, s.out)) {
      detail::sum_over(back.exec(), 1, s.rows, s.out, dy, db, [&](index n) { return back.template scratch<T>(n); });
      if (s.scale != 1) verbs::transform<T>(back.exec(), s.out, backend::move_span, scale_elements<T>{db, static_cast<T>(s.scale)});
    }
    if (T* const dr = back.result(3, size)) verbs::copy_rows(back.exec(), 1, size, dy, size, dr, size);
  }
};

namespace detail_linear {
template <class Residual, bool Measure>
auto run_onto(context_like auto& ctx, row_operand auto const& x, operand auto const& weight, auto const& bias,
              onto_sum<Residual, Measure> const& onto) {
  using context_type = std::remove_reference_t<decltype(ctx)>;
  using T = typename context_type::value_type;
  auto const xs = detail_rows::input_of(ctx, x);
  auto const w = ctx.eval(weight);
  auto const there = ctx.eval(onto.residual);
  check_size("linear_onto", "input", last_axis<typename decltype(xs)::axes_type>::name, xs.cols(), "weight", w.extent(1));
  if (bias.data()) check_size("linear_onto", "bias", "out", bias.size(), "weight", w.extent(0));
  check_size("linear_onto", "residual", last_axis<typename decltype(there)::axes_type>::name, there.cols(), "weight", w.extent(0));
  check_size("linear_onto", "residual", "rows", there.rows(), "input", xs.rows());
  auto const made = [&](T* mean, T* variance) {
    return record<linear_onto_op>(ctx, std::tuple{xs, w, bias, there}, onto.scale, mean, variance);
  };
  if constexpr (Measure && verbs::fuses_rows<typename context_type::exec_type>) {
    T *const mean = ctx.template allocate<T>(xs.rows()), *const variance = ctx.template allocate<T>(xs.rows());
    return measured(made(mean, variance), mean, variance);
  } else {
    return made(nullptr, nullptr);
  }
}
}  // namespace detail_linear

/// residual + scale * linear(x) in one op.
/// @shape x (..., in)  weight (out, in)  bias (out)  onto.residual (..., out)  returns the shape of the residual
/// @math  y = r + s (x W^T + b);  dx = s dy W,  dW = s dy^T x,  db = s sum dy,  dr = dy
/// @cost  2 rows in out FLOPs forward, twice that backward; recording keeps x
/// @throws shape_error where weight, bias or residual does not fit the input
auto linear_onto(context_like auto& ctx, row_operand auto const& x, operand auto const& weight, operand auto const& bias,
                 onto_like auto const& onto) {
  return detail_linear::run_onto(ctx, x, weight, view<axes::dim<>>(ctx.eval(bias)), onto);
}
/// Without a bias.
auto linear_onto(context_like auto& ctx, row_operand auto const& x, operand auto const& weight, onto_like auto const& onto) {
  using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
  return detail_linear::run_onto(ctx, x, weight, tensor<T, axes::dim<>>{}, onto);
}

/// The same sum of what is there already, such as what has gone through dropout; never measured.
template <class Residual, bool Measure>
auto add_onto(context_like auto& ctx, operand auto const& x, onto_sum<Residual, Measure> const& onto) {
  auto const there = ctx.eval(onto.residual);
  auto const sum = ctx.eval(x * onto.scale + there);
  auto const y = ctx.template wrap<typename decltype(there)::axes_type>(sum.data(), there.extents(), sum.node());
  if constexpr (Measure && verbs::fuses_rows<typename std::remove_reference_t<decltype(ctx)>::exec_type>)
    return measured(y);
  else
    return y;
}

}  // namespace SPEARSTORM_NS::ops
