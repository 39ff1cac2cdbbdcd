#pragma once
// The new residual streams behind a branch: weighted sums of the old ones, and of the branch's output.

#include "spearstorm/ops/mix_streams.hpp"

namespace SPEARSTORM_NS::ops {

namespace detail_connect {

/// Weights (rows, streams, streams + 2): column 0 belongs to the branch's input, the last one to its output.
struct shape {
  index rows, streams, cols;
  SPEARSTORM_HD index outs() const { return streams + 2; }
};

/// y_m = sum_s x_s w_s,1+m + branch w_m,last
template <class T>
struct connect_elements {
  T const *x, *weights, *branch;
  T* y;
  shape of;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    using pack = typename Lanes::pack;
    index const stream = first / of.cols, row = stream / of.streams, m = stream % of.streams, column = first % of.cols;
    T const *const by = weights + row * of.streams * of.outs(), *const from = x + row * of.streams * of.cols + column;
    pack const given(by[m * of.outs() + of.outs() - 1]);
    Lanes::each(count, [&](auto at) {
      pack total = at.load(branch + row * of.cols + column) * given;
      for (index s = 0; s < of.streams; ++s) total = total + at.load(from + s * of.cols) * pack(by[s * of.outs() + 1 + m]);
      at.store(y + first, total);
    });
  }
};

/// dbranch = sum_m w_m,last dy_m
template <class T>
struct connect_branch_elements {
  T const *weights, *dy;
  T* dbranch;
  shape of;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    using pack = typename Lanes::pack;
    index const begin = first / of.cols * of.streams;
    T const *const by = weights + begin * of.outs() + of.outs() - 1, *const up = dy + begin * of.cols + first % of.cols;
    Lanes::each(count, [&](auto at) {
      pack total(T(0));
      for (index m = 0; m < of.streams; ++m) total = total + at.load(up + m * of.cols) * pack(by[m * of.outs()]);
      at.store(dbranch + first, total);
    });
  }
};

/// Row (b, t, s): dw_s = 0, x_s . dy_m for each m, branch . dy_s.
template <class T>
struct connect_weights_row {
  T const *x, *branch, *dy;
  T* dweights;
  shape of;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index stream) const {
    using pack = typename Lanes::pack;
    index const row = stream / of.streams;
    T const *const from = x + stream * of.cols, *const up = dy + row * of.streams * of.cols;
    T* const to = dweights + stream * of.outs();
    for (index m = 0; m < of.streams; ++m) {
      T const along = Lanes::sum(of.cols, [&](auto at) { return pack(at.load(from) * at.load(up + m * of.cols)); });
      Lanes::once([&] { to[1 + m] = along; });
    }
    T const* const own = dy + stream * of.cols;
    T const given = Lanes::sum(of.cols, [&](auto at) { return pack(at.load(branch + row * of.cols) * at.load(own)); });
    Lanes::once([&] { to[0] = T(0), to[of.outs() - 1] = given; });
  }
};

}  // namespace detail_connect

struct connect_streams_op {
  static constexpr char const* name = "connect_streams";

  template <class T>
  struct saved {
    T const *x, *weights, *branch;
    detail_connect::shape of;
  };

  static auto forward(context_like auto& ctx, auto const& x, auto const& weights, auto const& branch) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    saved<T> const s{x.data(), weights.data(), branch.data(), {branch.rows(), x.extent(2), x.cols()}};
    T* const y = ctx.template allocate<T>(x.size());
    verbs::transform<T>(ctx.exec(), x.size(), x.cols(), detail_connect::connect_elements<T>{s.x, s.weights, s.branch, y, s.of});
    using axes = typename std::remove_cvref_t<decltype(x)>::axes_type;
    return std::pair{ctx.template wrap<axes>(y, x.extents()), s};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    using namespace detail_connect;
    index const rows = s.of.rows * s.of.streams, cols = s.of.cols;
    if (T* const dx = back.result(0, rows * cols))
      verbs::transform<T>(back.exec(), rows * cols, cols,
                          mix_streams_back_elements<T>{s.weights, dy, dx, s.of.streams, s.of.outs(), 1, s.of.streams, cols});
    if (T* const dweights = back.result(1, rows * s.of.outs()))
      verbs::each_row<T>(back.exec(), rows, (s.of.streams + 1) * cols, connect_weights_row<T>{s.x, s.branch, dy, dweights, s.of});
    if (T* const dbranch = back.result(2, s.of.rows * cols))
      verbs::transform<T>(back.exec(), s.of.rows * cols, cols, connect_branch_elements<T>{s.weights, dy, dbranch, s.of});
  }
};

/// @shape x (batch, frames, streams, dim)  weights (batch, frames, streams, mixes = streams + 2), as stream_weights gives them
///        branch (batch, frames, dim)  returns (batch, frames, streams, dim)
/// @math  y_m = sum_s w_s,1+m x_s + w_m,last branch;  dx_s = sum_m w_s,1+m dy_m,  dbranch = sum_m w_m,last dy_m,
///        dw_s,1+m = x_s . dy_m,  dw_s,last = branch . dy_s
/// @cost  2 rows streams (streams + 1) dim FLOPs, twice that backward; reads and writes each operand once; recording keeps all three
/// @throws shape_error where weights or branch does not fit x
/// @see   hyper_connections: HyperConnections.width_connection's residuals and depth_connection
auto connect_streams(context_like auto& ctx, operand auto const& x, operand auto const& weights, operand auto const& branch) {
  constexpr std::string_view here = "connect_streams";
  auto const xs = ctx.eval(x);
  auto const w = ctx.eval(weights);
  auto const out = ctx.eval(branch);
  static_assert(decltype(xs)::rank == 4 && decltype(w)::rank == 4 && decltype(out)::rank == 3,
                "spearstorm: connect_streams: x is (batch, frames, streams, dim), weights (batch, frames, streams, mixes), branch (batch, "
                "frames, dim)");
  check_size(here, "weights", "batch", w.extent(0), "x", xs.extent(0));
  check_size(here, "weights", "frames", w.extent(1), "x", xs.extent(1));
  check_size(here, "weights", "streams", w.extent(2), "x", xs.extent(2));
  check_size(here, "weights", "mixes", w.extent(3), "x", xs.extent(2) + 2);
  check_size(here, "branch", "batch", out.extent(0), "x", xs.extent(0));
  check_size(here, "branch", "frames", out.extent(1), "x", xs.extent(1));
  check_size(here, "branch", "dim", out.extent(2), "x", xs.cols());
  return record<connect_streams_op>(ctx, std::tuple{xs, w, out});
}

}  // namespace SPEARSTORM_NS::ops
