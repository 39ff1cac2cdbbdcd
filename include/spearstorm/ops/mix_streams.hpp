#pragma once
// Weighted sums of residual streams, with weights of each frame's own.

#include "spearstorm/ops/streams.hpp"

namespace SPEARSTORM_NS::ops {

/// y (rows, count, cols) = alpha (rows, streams, mixes)^T x (rows, streams, cols), of the mixes from `begin` on.
template <class T>
struct mix_streams_elements {
  T const *x, *alpha;
  T* y;
  index streams, mixes, begin, count, cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index n) const {
    using pack = typename Lanes::pack;
    index const row = first / (count * cols), mix = begin + first / cols % count;
    T const *const from = x + row * streams * cols + first % cols, *const by = alpha + row * streams * mixes + mix;
    Lanes::each(n, [&](auto at) {
      pack total(T(0));
      for (index s = 0; s < streams; ++s) total = total + at.load(from + s * cols) * pack(by[s * mixes]);
      at.store(y + first, total);
    });
  }
};

/// dx = alpha dy
template <class T>
struct mix_streams_back_elements {
  T const *alpha, *dy;
  T* dx;
  index streams, mixes, begin, count, cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index n) const {
    using pack = typename Lanes::pack;
    index const row = first / (streams * cols);
    T const *const up = dy + row * count * cols + first % cols, *const by = alpha + first / cols * mixes + begin;
    Lanes::each(n, [&](auto at) {
      pack total(T(0));
      for (index m = 0; m < count; ++m) total = total + at.load(up + m * cols) * pack(by[m]);
      at.store(dx + first, total);
    });
  }
};

/// Row (b, t, s, m): dalpha = x_s . dy_m, zero at the mixes that were not made.
template <class T>
struct mix_streams_back_row {
  T const *x, *dy;
  T* dalpha;
  index streams, mixes, begin, count, cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    index const stream = row / mixes, mix = row % mixes - begin;
    if (mix < 0 || mix >= count) return Lanes::once([&] { dalpha[row] = T(0); });
    T const *const from = x + stream * cols, *const up = dy + (stream / streams * count + mix) * cols;
    T const along = Lanes::sum(cols, [&](auto at) { return pack(at.load(from) * at.load(up)); });
    Lanes::once([&] { dalpha[row] = along; });
  }
};

struct mix_streams_op {
  static constexpr char const* name = "mix_streams";

  template <class T>
  struct saved {
    T const *x, *alpha;
    index rows, streams, mixes, first, count, cols;
  };

  /// @param extents the result's sizes, under the axes of List
  template <class List>
  static auto forward(context_like auto& ctx, auto const& x, auto const& alpha, index first, index count, List,
                      sizes<List::rank> const& extents) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    saved<T> const s{x.data(), alpha.data(), x.extent(0) * x.extent(1), x.extent(2), alpha.cols(), first, count, x.cols()};
    T* const y = ctx.template allocate<T>(s.rows * count * s.cols);
    verbs::transform<T>(ctx.exec(), s.rows * count * s.cols, s.cols,
                        mix_streams_elements<T>{s.x, s.alpha, y, s.streams, s.mixes, first, count, s.cols});
    return std::pair{ctx.template wrap<List>(y, extents), s};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    index const size = s.rows * s.streams * s.cols, weights = s.rows * s.streams * s.mixes;
    if (T* const dx = back.result(0, size))
      verbs::transform<T>(back.exec(), size, s.cols,
                          mix_streams_back_elements<T>{s.alpha, dy, dx, s.streams, s.mixes, s.first, s.count, s.cols});
    if (T* const dalpha = back.result(1, weights))
      verbs::each_row<T>(back.exec(), weights, s.cols,
                         mix_streams_back_row<T>{s.x, dy, dalpha, s.streams, s.mixes, s.first, s.count, s.cols});
  }
};

namespace detail_streams {
template <class X, class Alpha>
void check_mixes(X const& x, Alpha const& alpha) {
  static_assert(X::rank == 4 && Alpha::rank == 4,
                "spearstorm: mix_streams: x is (batch, frames, streams, dim), alpha (batch, frames, streams, mixes)");
  check_size("mix_streams", "x", "batch", x.extent(0), "alpha", alpha.extent(0));
  check_size("mix_streams", "x", "frames", x.extent(1), "alpha", alpha.extent(1));
  check_size("mix_streams", "x", "streams", x.extent(2), "alpha", alpha.extent(2));
}
}  // namespace detail_streams

/// `count` mixes from `first` on; the others cost nothing.
/// @shape x (batch, frames, streams, dim)  alpha (batch, frames, streams, mixes)  returns (batch, frames, streams = count, dim)
/// @math  y_m = sum_s alpha_s,first+m x_s;  dx_s = sum_m alpha_s,first+m dy_m,  dalpha_s,first+m = x_s . dy_m
/// @cost  2 rows streams count dim FLOPs, twice that backward; recording keeps x and alpha
/// @throws shape_error where alpha does not fit x, value_error where the mixes asked for are not all there
/// @see   hyper_connections: HyperConnections.width_connection
auto mix_streams(context_like auto& ctx, operand auto const& x, operand auto const& alpha, index first, index count) {
  auto const xs = ctx.eval(x);
  auto const by = ctx.eval(alpha);
  detail_streams::check_mixes(xs, by);
  check_range<index>("mix_streams", "first", first, 0, by.cols());
  check_range<index>("mix_streams", "count", count, 0, by.cols() - first);
  using made = axis_list<axes::batch<>, axes::frames<>, axes::streams<>, last_axis<typename decltype(xs)::axes_type>>;
  return record<mix_streams_op>(ctx, std::tuple{xs, by}, first, count, made{}, sizes<4>{xs.extent(0), xs.extent(1), count, xs.cols()});
}

/// All of them.
/// @shape returns (batch, frames, streams = mixes, dim)
auto mix_streams(context_like auto& ctx, operand auto const& x, operand auto const& alpha) {
  auto const by = ctx.eval(alpha);
  return mix_streams(ctx, x, by, 0, by.cols());
}

/// One of them.
/// @shape returns (batch, frames, dim)
auto mix_one(context_like auto& ctx, operand auto const& x, operand auto const& alpha, index which) {
  auto const xs = ctx.eval(x);
  auto const by = ctx.eval(alpha);
  detail_streams::check_mixes(xs, by);
  check_range<index>("mix_one", "which", which, 0, by.cols() - 1);
  using made = axis_list<axes::batch<>, axes::frames<>, last_axis<typename decltype(xs)::axes_type>>;
  return record<mix_streams_op>(ctx, std::tuple{xs, by}, which, index(1), made{}, sizes<3>{xs.extent(0), xs.extent(1), xs.cols()});
}

}  // namespace SPEARSTORM_NS::ops
