#pragma once
// Normalisation of each row by its root mean square, with a scale.

#include "spearstorm/ops/made_rows.hpp"

namespace SPEARSTORM_NS::ops {

struct rms_norm_options {
  double offset = 0;   ///< added to gamma: 1 where gamma starts at zero, as in hyper-connections
  double eps = 1e-12;  ///< a shorter row is divided by this, torch.nn.functional.normalize
};

/// sqrt(cols) / max(|row|, eps); negative where the row was too short, as its length has no gradient then.
template <class Lanes, class T>
SPEARSTORM_HD T rms_factor(T const* from, index cols, T eps) {
  using pack = typename Lanes::pack;
  T const length = sqrt(Lanes::sum(cols, [&](auto at) {
    pack const v = at.load(from);
    return pack(v * v);
  }));
  T const r = sqrt(static_cast<T>(cols)) / (length > eps ? length : eps);
  return length > eps ? r : -r;
}

template <class T>
struct rms_norm_row {
  T const *x, *gamma;
  T *y, *factor;  // either may be null
  index cols;
  T offset, eps;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const* const from = x + row * cols;
    T const kept = rms_factor<Lanes>(from, cols, eps), r = kept < 0 ? -kept : kept;
    if (y) Lanes::each(cols, [&](auto at) { at.store(y + row * cols, at.load(from) * pack(r) * (at.load(gamma) + pack(offset))); });
    if (factor) Lanes::once([&] { factor[row] = kept; });
  }
};

/// A part of a row of the result.
template <class T>
struct rms_norm_source {
  T const *x, *gamma, *factor;
  index cols;
  T offset;
  template <class Lanes>
  void operator()(Lanes, index row, index first, index count, T* to) const {
    using pack = typename Lanes::pack;
    T const* const from = x + row * cols + first;
    pack const r(factor[row] < 0 ? -factor[row] : factor[row]);
    Lanes::each(count, [&](auto at) { at.store(to, at.load(from) * r * (at.load(gamma + first) + pack(offset))); });
  }
};

/// dx, and for the sums over rows dy * xhat into `scaled`.
template <class T>
struct rms_norm_back_row {
  T const *x, *gamma, *factor, *dy;
  T *dx, *scaled;  // either may be null
  index cols;
  T offset;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const *const from = x + row * cols, *const up = dy + row * cols;
    T const kept = factor[row], r = kept < 0 ? -kept : kept;
    pack const shift(offset), scale(r);
    if (dx) {
      T const along = Lanes::sum(cols, [&](auto at) { return pack(at.load(up) * (at.load(gamma) + shift) * at.load(from)); });
      pack const pull(kept < 0 ? T(0) : along * r * r / static_cast<T>(cols));
      Lanes::each(cols,
                  [&](auto at) { at.store(dx + row * cols, scale * (at.load(up) * (at.load(gamma) + shift) - at.load(from) * pull)); });
    }
    if (scaled) Lanes::each(cols, [&](auto at) { at.store(scaled + row * cols, at.load(up) * at.load(from) * scale); });
  }
};

struct rms_norm_op {
  static constexpr char const* name = "rms_norm";

  template <class T>
  struct saved {
    T const *x, *gamma, *factor;
    index rows, cols;
    T offset;
  };

  static auto forward(context_like auto& ctx, auto const& x, auto const& gamma, rms_norm_options const& options) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    index const rows = x.rows(), cols = x.cols();
    T* const y = ctx.template allocate<T>(x.size());
    T* factor = nullptr;
    if constexpr (std::remove_reference_t<decltype(ctx)>::is_recording) factor = ctx.template allocate<T>(rows);
    T const offset = static_cast<T>(options.offset);
    verbs::each_row<T>(ctx.exec(), rows, cols,
                       rms_norm_row<T>{x.data(), gamma.data(), y, factor, cols, offset, static_cast<T>(options.eps)});
    using axes = typename std::remove_cvref_t<decltype(x)>::axes_type;
    return std::pair{ctx.template wrap<axes>(y, x.extents()), saved<T>{x.data(), gamma.data(), factor, rows, cols, offset}};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    T* const dx = back.result(0, s.rows * s.cols);
    T* const dgamma = back.result(1, s.cols);
    T* const scaled = dgamma ? back.template scratch<T>(s.rows * s.cols) : nullptr;
    verbs::each_row<T>(back.exec(), s.rows, 3 * s.cols, rms_norm_back_row<T>{s.x, s.gamma, s.factor, dy, dx, scaled, s.cols, s.offset});
    if (dgamma) detail::sum_over(back.exec(), 1, s.rows, s.cols, scaled, dgamma, [&](index n) { return back.template scratch<T>(n); });
  }
};

/// The same, its values left to be made from x.
struct rms_norm_rows_op : rms_norm_op {
  static auto forward(context_like auto& ctx, auto const& x, auto const& gamma, rms_norm_options const& options, auto* factor) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    index const rows = x.rows(), cols = x.cols();
    T const offset = static_cast<T>(options.offset);
    verbs::each_row<T>(ctx.exec(), rows, cols,
                       rms_norm_row<T>{x.data(), gamma.data(), nullptr, factor, cols, offset, static_cast<T>(options.eps)});
    return std::pair{x, saved<T>{x.data(), gamma.data(), factor, rows, cols, offset}};
  }
};

namespace detail_rms_norm {
auto inputs(context_like auto& ctx, operand auto const& x, operand auto const& gamma) {
  auto const xs = ctx.eval(x);
  auto const g = ctx.eval(gamma);
  check_size("rms_norm", "input", last_axis<typename decltype(xs)::axes_type>::name, xs.cols(), "gamma", g.size());
  return std::tuple{xs, g};
}
}  // namespace detail_rms_norm

/// @shape x (..., dim)  gamma (dim)  returns (..., dim)
/// @math  y = r x (gamma + offset),  r = sqrt(dim) / max(|x|, eps);  dx = r (g - x (g . x) / |x|^2),  g = dy (gamma + offset)
/// @cost  reads x twice from cache, writes y; recording keeps x and one number per row
/// @throws shape_error where gamma differs from x's last axis
/// @see   hyper_connections.RMSNorm (offset 1), gateloop_transformer.RMSNorm
auto rms_norm(context_like auto& ctx, operand auto const& x, operand auto const& gamma, rms_norm_options const& options = {}) {
  return record<rms_norm_op>(ctx, detail_rms_norm::inputs(ctx, x, gamma), options);
}

/// rms_norm for products to make as they read it, where the policy's do; nothing of it is stored then.
/// @shape, @throws as rms_norm
auto rms_norm_rows(context_like auto& ctx, operand auto const& x, operand auto const& gamma, rms_norm_options const& options = {}) {
  using context_type = std::remove_reference_t<decltype(ctx)>;
  using T = typename context_type::value_type;
  if constexpr (!verbs::fuses_rows<typename context_type::exec_type>) {
    return rms_norm(ctx, x, gamma, options);
  } else {
    auto const [xs, g] = detail_rms_norm::inputs(ctx, x, gamma);
    T* const factor = ctx.template allocate<T>(xs.rows());
    auto const like = record<rms_norm_rows_op>(ctx, std::tuple{xs, g}, options, factor);
    return made_rows(like, rms_norm_source<T>{xs.data(), g.data(), factor, xs.cols(), static_cast<T>(options.offset)});
  }
}

}  // namespace SPEARSTORM_NS::ops
