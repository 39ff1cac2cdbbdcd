#pragma once
// A branch's output added to every residual stream, with a weight of each frame's own.

#include "spearstorm/ops/streams.hpp"

namespace SPEARSTORM_NS::ops {

/// y_s = residual_s + branch beta_s
template <class T>
struct add_to_streams_elements {
  T const *residual, *branch, *beta;
  T* y;
  index streams, cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    index const stream = first / cols;
    T const* const from = branch + stream / streams * cols + first % cols;
    typename Lanes::pack const by(beta[stream]);
    Lanes::each(count, [&](auto at) { at.store(y + first, at.load(residual + first) + at.load(from) * by); });
  }
};

/// dbranch = sum_s beta_s dy_s
template <class T>
struct add_to_streams_back_elements {
  T const *beta, *dy;
  T* dbranch;
  index streams, cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    using pack = typename Lanes::pack;
    index const begin = first / cols * streams;
    T const* const up = dy + begin * cols + first % cols;
    Lanes::each(count, [&](auto at) {
      pack total(T(0));
      for (index s = 0; s < streams; ++s) total = total + at.load(up + s * cols) * pack(beta[begin + s]);
      at.store(dbranch + first, total);
    });
  }
};

/// Row (b, t, s): dbeta = dy_s . branch
template <class T>
struct add_to_streams_back_row {
  T const *branch, *dy;
  T* dbeta;
  index streams, cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const *const up = dy + row * cols, *const from = branch + row / streams * cols;
    dbeta[row] = Lanes::sum(cols, [&](auto at) { return pack(at.load(up) * at.load(from)); });
  }
};

struct add_to_streams_op {
  static constexpr char const* name = "add_to_streams";

  template <class T>
  struct saved {
    T const *branch, *beta;
    index rows, streams, cols;
  };

  static auto forward(context_like auto& ctx, auto const& residual, auto const& branch, auto const& beta) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    saved<T> const s{branch.data(), beta.data(), branch.rows(), residual.extent(2), residual.cols()};
    T* const y = ctx.template allocate<T>(residual.size());
    verbs::transform<T>(ctx.exec(), residual.size(), s.cols,
                        add_to_streams_elements<T>{residual.data(), s.branch, s.beta, y, s.streams, s.cols});
    using axes = typename std::remove_cvref_t<decltype(residual)>::axes_type;
    return std::pair{ctx.template wrap<axes>(y, residual.extents()), s};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    index const size = s.rows * s.streams * s.cols;
    if (T* const dresidual = back.result(0, size)) verbs::copy_rows(back.exec(), 1, size, dy, size, dresidual, size);
    if (T* const dbranch = back.result(1, s.rows * s.cols))
      verbs::transform<T>(back.exec(), s.rows * s.cols, s.cols, add_to_streams_back_elements<T>{s.beta, dy, dbranch, s.streams, s.cols});
    if (T* const dbeta = back.result(2, s.rows * s.streams))
      verbs::each_row<T>(back.exec(), s.rows * s.streams, s.cols, add_to_streams_back_row<T>{s.branch, dy, dbeta, s.streams, s.cols});
  }
};

/// @shape residual (batch, frames, streams, dim)  branch (batch, frames, dim)  beta (batch, frames, streams)
///        returns (batch, frames, streams, dim)
/// @math  y_s = residual_s + beta_s branch;  dbranch = sum_s beta_s dy_s,  dbeta_s = branch . dy_s
/// @cost  reads each operand once; recording keeps branch and beta
/// @throws shape_error where branch or beta does not fit residual
/// @see   hyper_connections: HyperConnections.depth_connection
auto add_to_streams(context_like auto& ctx, operand auto const& residual, operand auto const& branch, operand auto const& beta) {
  auto const r = ctx.eval(residual);
  auto const x = ctx.eval(branch);
  auto const b = ctx.eval(beta);
  static_assert(
      decltype(r)::rank == 4 && decltype(x)::rank == 3 && decltype(b)::rank == 3,
      "spearstorm: add_to_streams: residual is (batch, frames, streams, dim), branch (batch, frames, dim), beta (batch, frames, streams)");
  check_size("add_to_streams", "residual", "batch", r.extent(0), "branch", x.extent(0));
  check_size("add_to_streams", "residual", "frames", r.extent(1), "branch", x.extent(1));
  check_size("add_to_streams", "residual", "dim", r.cols(), "branch", x.cols());
  check_size("add_to_streams", "residual", "batch", r.extent(0), "beta", b.extent(0));
  check_size("add_to_streams", "residual", "frames", r.extent(1), "beta", b.extent(1));
  check_size("add_to_streams", "residual", "streams", r.extent(2), "beta", b.extent(2));
  return record<add_to_streams_op>(ctx, std::tuple{r, x, b});
}

}  // namespace SPEARSTORM_NS::ops
