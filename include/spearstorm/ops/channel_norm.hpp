#pragma once
// The conformer's ChanLayerNorm: as a layer norm without shift, but the variance is clamped from below, not increased.

#include "spearstorm/ops/layer_norm.hpp"

namespace SPEARSTORM_NS::ops {

template <class T>
struct channel_norm_row {
  T const *x, *gamma;
  T *y, *mean, *rstd;  // statistics may be null
  index cols;
  T eps;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const* const from = x + row * cols;
    T mu, var;
    moments_of<Lanes>(from, cols, mu, var);
    T const r = T(1) / sqrt(max(var, eps));
    Lanes::each(cols, [&](auto at) { at.store(y + row * cols, (at.load(from) - pack(mu)) * pack(r) * at.load(gamma)); });
    if (mean) Lanes::once([&] { mean[row] = mu, rstd[row] = var < eps ? -r : r; });  // the sign tells the way back that r is a constant
  }
};

struct channel_norm_op {
  static constexpr char const* name = "channel_norm";

  template <class T>
  struct saved {
    T const *x, *gamma, *mean, *rstd;
    index rows, cols;
  };

  static auto forward(context_like auto& ctx, auto const& x, auto const& gamma, double eps) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    index const rows = x.rows(), cols = x.cols();
    T* const y = ctx.template allocate<T>(x.size());
    T *mean = nullptr, *rstd = nullptr;
    if constexpr (std::remove_reference_t<decltype(ctx)>::is_recording)
      mean = ctx.template allocate<T>(rows), rstd = ctx.template allocate<T>(rows);
    verbs::each_row<T>(ctx.exec(), rows, 3 * cols, channel_norm_row<T>{x.data(), gamma.data(), y, mean, rstd, cols, static_cast<T>(eps)});
    using axes = typename std::remove_cvref_t<decltype(x)>::axes_type;
    return std::pair{ctx.template wrap<axes>(y, x.extents()), saved<T>{x.data(), gamma.data(), mean, rstd, rows, cols}};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    T* const dx = back.result(0, s.rows * s.cols);
    T* const dgamma = back.result(1, s.cols);
    auto const scratch = [&](index n) { return back.template scratch<T>(n); };
    T* const scaled = dgamma ? scratch(s.rows * s.cols) : nullptr;
    verbs::each_row<T>(back.exec(), s.rows, 3 * s.cols, layer_norm_back_row<T>{s.x, s.gamma, s.mean, s.rstd, dy, dx, scaled, s.cols});
    if (dgamma) detail::sum_over(back.exec(), 1, s.rows, s.cols, scaled, dgamma, scratch);
  }
};

/// Normalises each row over its channels.
/// @shape x (..., dim)  gamma (dim)  returns (..., dim)
/// @math  y = (x - mean) / sqrt(max(var, eps)) * gamma;  dx = r * (g - mean(g) - xhat * mean(g * xhat)),  g = dy * gamma,
///        without the last term where var < eps
/// @cost  reads x three times from cache, writes y; recording keeps x, mean and rstd per row
/// @throws shape_error where gamma differs from x's last axis, value_error where eps is not above 0
/// @see   soundstorm-pytorch: ChanLayerNorm, there over axis 1 of (batch, dim, frames)
auto channel_norm(context_like auto& ctx, operand auto const& x, operand auto const& gamma, double eps = 1e-6) {
  auto const xs = ctx.eval(x);
  auto const g = ctx.eval(gamma);
  check_size("channel_norm", "input", last_axis<typename decltype(xs)::axes_type>::name, xs.cols(), "gamma", g.size());
  if (!(eps > 0)) fail<value_error>("channel_norm: eps = ", eps, ", expected above 0");
  return record<channel_norm_op>(ctx, std::tuple{xs, g}, eps);
}

}  // namespace SPEARSTORM_NS::ops
