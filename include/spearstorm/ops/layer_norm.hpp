#pragma once
// Normalisation of each row over its last axis.

#include "spearstorm/ops/made_rows.hpp"
#include "spearstorm/ops/measured.hpp"

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

/// Of each row, where they are known.
template <class T>
struct known_moments {
  T const *mean = nullptr, *variance = nullptr;
};
template <class T, class X>
known_moments<T> moments_known(X const& x) {
  if constexpr (requires { x.variance; })
    return {x.mean, x.variance};
  else
    return {};
}

template <class T>
struct layer_norm_row {
  T const *x, *gamma, *beta;
  known_moments<T> known;
  T *y, *mean, *rstd;  // each may be null
  index cols;
  T eps;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const* const from = x + row * cols;
    T mu, var;
    if (known.mean)
      mu = known.mean[row], var = known.variance[row];
    else
      moments_of<Lanes>(from, cols, mu, var);
    T const r = T(1) / sqrt(var + eps);
    if (y)
      Lanes::each(cols, [&](auto at) { at.store(y + row * cols, (at.load(from) - pack(mu)) * pack(r) * at.load(gamma) + at.load(beta)); });
    if (mean) Lanes::once([&] { mean[row] = mu, rstd[row] = r; });
  }
};

/// A part of a row of the result.
template <class T>
struct layer_norm_source {
  T const *x, *gamma, *beta, *mean, *rstd;
  index cols;
  template <class Lanes>
  void operator()(Lanes, index row, index first, index count, T* to) const {
    using pack = typename Lanes::pack;
    T const* const from = x + row * cols + first;
    pack const mu(mean[row]), r(rstd[row]);
    Lanes::each(count, [&](auto at) { at.store(to, (at.load(from) - mu) * r * at.load(gamma + first) + at.load(beta + first)); });
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

  static auto forward(context_like auto& ctx, auto const& x, auto const& gamma, auto const& beta, auto const& known, double eps) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    index const rows = x.rows(), cols = x.cols();
    T* const y = ctx.template allocate<T>(x.size());
    T *mean = nullptr, *rstd = nullptr;
    if constexpr (std::remove_reference_t<decltype(ctx)>::is_recording)
      mean = ctx.template allocate<T>(rows), rstd = ctx.template allocate<T>(rows);
    verbs::each_row<T>(ctx.exec(), rows, cols,
                       layer_norm_row<T>{x.data(), gamma.data(), beta.data(), known, y, mean, rstd, cols, static_cast<T>(eps)});
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

/// The same, its values left to be made from x: mean and rstd, two numbers a row, are all that is stored.
struct layer_norm_rows_op : layer_norm_op {
  static auto forward(context_like auto& ctx, auto const& x, auto const& gamma, auto const& beta, auto const& known, double eps, auto* mean,
                      auto* rstd) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    index const rows = x.rows(), cols = x.cols();
    verbs::each_row<T>(ctx.exec(), rows, known.mean ? 1 : cols,
                       layer_norm_row<T>{x.data(), gamma.data(), beta.data(), known, nullptr, mean, rstd, cols, static_cast<T>(eps)});
    return std::pair{x, saved<T>{x.data(), gamma.data(), mean, rstd, rows, cols}};
  }
};

namespace detail_layer_norm {
auto inputs(context_like auto& ctx, operand auto const& x, operand auto const& gamma, operand auto const& beta) {
  auto const xs = ctx.eval(x);
  auto const g = ctx.eval(gamma);
  auto const b = ctx.eval(beta);
  constexpr auto axis = last_axis<typename decltype(xs)::axes_type>::name;
  check_size("layer_norm", "input", axis, xs.cols(), "gamma", g.size());
  check_size("layer_norm", "input", axis, xs.cols(), "beta", b.size());
  return std::tuple{xs, g, b};
}
}  // namespace detail_layer_norm

/// Normalises each row: y = (x - mean) / sqrt(var + eps) * gamma + beta.
/// @shape x (..., dim)  gamma (dim)  beta (dim)  returns (..., dim)
/// @math  dx = rstd * (g - mean(g) - xhat * mean(g * xhat)),  g = dy * gamma
/// @cost  reads x three times from cache, writes y; recording keeps x, mean and rstd per row
/// @throws shape_error where gamma or beta differs from x's last axis
auto layer_norm(context_like auto& ctx, operand auto const& x, operand auto const& gamma, operand auto const& beta, double eps = 1e-5) {
  using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
  auto const [xs, g, b] = detail_layer_norm::inputs(ctx, x, gamma, beta);
  return record<layer_norm_op>(ctx, std::tuple{xs, g, b}, moments_known<T>(x), eps);
}

/// layer_norm for products to make as they read it, where the policy's do; nothing of it is stored then.
/// @shape, @throws as layer_norm
/// @cost  reads x twice from cache, or not at all where it is `measured`; a product reads x and makes each row while it packs it
auto layer_norm_rows(context_like auto& ctx, operand auto const& x, operand auto const& gamma, operand auto const& beta,
                     double eps = 1e-5) {
  using context_type = std::remove_reference_t<decltype(ctx)>;
  using T = typename context_type::value_type;
  if constexpr (!verbs::fuses_rows<typename context_type::exec_type>) {
    return layer_norm(ctx, x, gamma, beta, eps);
  } else {
    auto const [xs, g, b] = detail_layer_norm::inputs(ctx, x, gamma, beta);
    T *const mean = ctx.template allocate<T>(xs.rows()), *const rstd = ctx.template allocate<T>(xs.rows());
    auto const like = record<layer_norm_rows_op>(ctx, std::tuple{xs, g, b}, moments_known<T>(x), eps, mean, rstd);
    return made_rows(like, layer_norm_source<T>{xs.data(), g.data(), b.data(), mean, rstd, xs.cols()});
  }
}

}  // namespace SPEARSTORM_NS::ops
