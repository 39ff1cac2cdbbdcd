#pragma once
// The conformer's ChanLayerNorm: as a layer norm without shift, but the variance is clamped from below, not increased.

#include "spearstorm/ops/layer_norm.hpp"

namespace SPEARSTORM_NS::ops {

template <class T>
struct channel_norm_row {
  T const *x, *gamma;
  T *y, *mean, *rstd;  // each may be null
  index cols;
  T eps;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const* const from = x + row * cols;
    T mu, var;
    moments_of<Lanes>(from, cols, mu, var);
    T const r = T(1) / sqrt(max(var, eps));
    if (y) Lanes::each(cols, [&](auto at) { at.store(y + row * cols, (at.load(from) - pack(mu)) * pack(r) * at.load(gamma)); });
    if (mean) Lanes::once([&] { mean[row] = mu, rstd[row] = var < eps ? -r : r; });  // the sign tells the way back that r is a constant
  }
};

/// A part of a row of the result.
template <class T>
struct channel_norm_source {
  T const *x, *gamma, *mean, *rstd;
  index cols;
  template <class Lanes>
  void operator()(Lanes, index row, index first, index count, T* to) const {
    using pack = typename Lanes::pack;
    T const* const from = x + row * cols + first;
    pack const mu(mean[row]), r(rstd[row] < 0 ? -rstd[row] : rstd[row]);
    Lanes::each(count, [&](auto at) { at.store(to, (at.load(from) - mu) * r * at.load(gamma + first)); });
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

/// The same, its values left to be made from x.
struct channel_norm_rows_op : channel_norm_op {
  static auto forward(context_like auto& ctx, auto const& x, auto const& gamma, double eps, auto* mean, auto* rstd) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    index const rows = x.rows(), cols = x.cols();
    verbs::each_row<T>(ctx.exec(), rows, 2 * cols,
                       channel_norm_row<T>{x.data(), gamma.data(), nullptr, mean, rstd, cols, static_cast<T>(eps)});
    return std::pair{x, saved<T>{x.data(), gamma.data(), mean, rstd, rows, cols}};
  }
};

namespace detail_channel_norm {
auto inputs(context_like auto& ctx, operand auto const& x, operand auto const& gamma, double eps) {
  auto const xs = ctx.eval(x);
  auto const g = ctx.eval(gamma);
  check_size("channel_norm", "input", last_axis<typename decltype(xs)::axes_type>::name, xs.cols(), "gamma", g.size());
  if (!(eps > 0)) fail<value_error>("channel_norm: eps = ", eps, ", expected above 0");
  return std::tuple{xs, g};
}
}  // namespace detail_channel_norm

/// Normalises each row over its channels.
/// @shape x (..., dim)  gamma (dim)  returns (..., dim)
/// @math  y = (x - mean) / sqrt(max(var, eps)) * gamma;  dx = r * (g - mean(g) - xhat * mean(g * xhat)),  g = dy * gamma,
///        without the last term where var < eps
/// @cost  reads x three times from cache, writes y; recording keeps x, mean and rstd per row
/// @throws shape_error where gamma differs from x's last axis, value_error where eps is not above 0
/// @see   soundstorm-pytorch: ChanLayerNorm, there over axis 1 of (batch, dim, frames)
auto channel_norm(context_like auto& ctx, operand auto const& x, operand auto const& gamma, double eps = 1e-6) {
  return record<channel_norm_op>(ctx, detail_channel_norm::inputs(ctx, x, gamma, eps), eps);
}

/// channel_norm for products to make as they read it, where the policy's do; nothing of it is stored then.
/// @shape, @throws as channel_norm
auto channel_norm_rows(context_like auto& ctx, operand auto const& x, operand auto const& gamma, double eps = 1e-6) {
  using context_type = std::remove_reference_t<decltype(ctx)>;
  using T = typename context_type::value_type;
  if constexpr (!verbs::fuses_rows<typename context_type::exec_type>) {
    return channel_norm(ctx, x, gamma, eps);
  } else {
    auto const [xs, g] = detail_channel_norm::inputs(ctx, x, gamma, eps);
    T *const mean = ctx.template allocate<T>(xs.rows()), *const rstd = ctx.template allocate<T>(xs.rows());
    auto const like = record<channel_norm_rows_op>(ctx, std::tuple{xs, g}, eps, mean, rstd);
    return made_rows(like, channel_norm_source<T>{xs.data(), g.data(), mean, rstd, xs.cols()});
  }
}

}  // namespace SPEARSTORM_NS::ops
