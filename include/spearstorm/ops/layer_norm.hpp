#pragma once
// Normalisation of each row over its last axis.

#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::ops {

/// Mean and variance of a row.
template <class Lanes, class T>
SPEARSTORM_HD void moments_of(T const* from, index cols, T& mean, T& variance) {
  using pack = typename Lanes::pack;
  T const mu = Lanes::sum(cols, [&](auto at) { return at.load(from); }) / static_cast<T>(cols);
  variance = Lanes::sum(cols,
                        [&](auto at) {
                          pack const d = at.load(from) - pack(mu);
                          return pack(d * d);
                        }) /
             static_cast<T>(cols);
  mean = mu;
}

template <class T>
struct layer_norm_row {
  T const *x, *gamma, *beta;
  T *y, *mean, *rstd;  // statistics may be null
  index cols;
  T eps;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const* const from = x + row * cols;
    T mu, var;
    moments_of<Lanes>(from, cols, mu, var);
    T const r = T(1) / sqrt(var + eps);
    Lanes::each(cols, [&](auto at) { at.store(y + row * cols, (at.load(from) - pack(mu)) * pack(r) * at.load(gamma) + at.load(beta)); });
    if (mean) Lanes::once([&] { mean[row] = mu, rstd[row] = r; });
  }
};

/// dx, and for the sums over rows dy * xhat into `scaled`. A negative rstd stands for one that does not depend on x.
template <class T>
struct layer_norm_back_row {
  T const *x, *gamma, *mean, *rstd, *dy;
  T *dx, *scaled;  // either may be null
  index cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const *const from = x + row * cols, *const up = dy + row * cols;
    bool const constant = rstd[row] < 0;
    pack const mu(mean[row]), r(constant ? -rstd[row] : rstd[row]);
    if (dx) {
      T const g = Lanes::sum(cols, [&](auto at) { return pack(at.load(up) * at.load(gamma)); }) / static_cast<T>(cols);
      T const gx = constant ? T(0) : Lanes::sum(cols, [&](auto at) {
                                       return pack(at.load(up) * at.load(gamma) * (at.load(from) - mu) * r);
                                     }) / static_cast<T>(cols);
      Lanes::each(cols, [&](auto at) {
        pack const xhat = (at.load(from) - mu) * r;
        at.store(dx + row * cols, r * (at.load(up) * at.load(gamma) - pack(g) - xhat * pack(gx)));
      });
    }
    if (scaled) Lanes::each(cols, [&](auto at) { at.store(scaled + row * cols, at.load(up) * (at.load(from) - mu) * r); });
  }
};

struct layer_norm_op {
  static constexpr char const* name = "layer_norm";

  template <class T>
  struct saved {
    T const *x, *gamma, *mean, *rstd;
    index rows, cols;
  };

  static auto forward(context_like auto& ctx, auto const& x, auto const& gamma, auto const& beta, double eps) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    index const rows = x.rows(), cols = x.cols();
    T* const y = ctx.template allocate<T>(x.size());
    T *mean = nullptr, *rstd = nullptr;
    if constexpr (std::remove_reference_t<decltype(ctx)>::is_recording)
      mean = ctx.template allocate<T>(rows), rstd = ctx.template allocate<T>(rows);
    verbs::each_row<T>(ctx.exec(), rows, cols,
                       layer_norm_row<T>{x.data(), gamma.data(), beta.data(), y, mean, rstd, cols, static_cast<T>(eps)});
    using axes = typename std::remove_cvref_t<decltype(x)>::axes_type;
    return std::pair{ctx.template wrap<axes>(y, x.extents()), saved<T>{x.data(), gamma.data(), mean, rstd, rows, cols}};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    T* const dx = back.result(0, s.rows * s.cols);
    T* const dgamma = back.result(1, s.cols);
    T* const scaled = dgamma ? back.template scratch<T>(s.rows * s.cols) : nullptr;
    auto const scratch = [&](index n) { return back.template scratch<T>(n); };
    verbs::each_row<T>(back.exec(), s.rows, 3 * s.cols, layer_norm_back_row<T>{s.x, s.gamma, s.mean, s.rstd, dy, dx, scaled, s.cols});
    if (dgamma) detail::sum_over(back.exec(), 1, s.rows, s.cols, scaled, dgamma, scratch);
    if (T* const dbeta = back.result(2, s.cols)) detail::sum_over(back.exec(), 1, s.rows, s.cols, dy, dbeta, scratch);
  }
};

/// Normalises each row: y = (x - mean) / sqrt(var + eps) * gamma + beta.
/// @shape x (..., dim)  gamma (dim)  beta (dim)  returns (..., dim)
/// @math  dx = rstd * (g - mean(g) - xhat * mean(g * xhat)),  g = dy * gamma
/// @cost  reads x three times from cache, writes y; recording keeps x, mean and rstd per row
/// @throws shape_error where gamma or beta differs from x's last axis
auto layer_norm(context_like auto& ctx, operand auto const& x, operand auto const& gamma, operand auto const& beta, double eps = 1e-5) {
  auto const xs = ctx.eval(x);
  auto const g = ctx.eval(gamma);
  auto const b = ctx.eval(beta);
  constexpr auto axis = last_axis<typename decltype(xs)::axes_type>::name;
  check_size("layer_norm", "input", axis, xs.cols(), "gamma", g.size());
  check_size("layer_norm", "input", axis, xs.cols(), "beta", b.size());
  return record<layer_norm_op>(ctx, std::tuple{xs, g, b}, eps);
}

}  // namespace SPEARSTORM_NS::ops
