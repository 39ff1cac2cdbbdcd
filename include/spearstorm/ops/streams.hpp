#pragma once
// Residual streams: one tensor made several, and several summed.

#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::axes {
SPEARSTORM_AXIS(streams);  // residual streams of hyper-connections
SPEARSTORM_AXIS(mixes);    // weighted sums of streams: the branch's input, then the new streams
}  // namespace SPEARSTORM_NS::axes

namespace SPEARSTORM_NS::ops {

namespace detail_streams {
struct saved {
  index rows, streams, cols;
};

template <class Exec, class T>
void repeat(Exec& exec, saved const& s, T const* x, T* y) {
  for (index i = 0; i < s.streams; ++i) verbs::copy_rows(exec, s.rows, s.cols, x, s.cols, y + i * s.cols, s.streams * s.cols);
}
}  // namespace detail_streams

struct expand_streams_op {
  static constexpr char const* name = "expand_streams";

  static auto forward(context_like auto& ctx, auto const& x, index streams) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    detail_streams::saved const s{x.rows(), streams, x.cols()};
    T* const y = ctx.template allocate<T>(x.size() * streams);
    detail_streams::repeat(ctx.exec(), s, x.data(), y);
    using width = last_axis<typename std::remove_cvref_t<decltype(x)>::axes_type>;
    return std::pair{ctx.template wrap<axis_list<axes::batch<>, axes::frames<>, axes::streams<>, width>>(
                         y, sizes<4>{x.extent(0), x.extent(1), streams, x.cols()}),
                     s};
  }
  template <class T>
  static void adjoint(auto& back, detail_streams::saved const& s, T const* dy) {
    if (T* const dx = back.result(0, s.rows * s.cols))
      detail::sum_over(back.exec(), s.rows, s.streams, s.cols, dy, dx, [&](index n) { return back.template scratch<T>(n); });
  }
};

struct sum_streams_op {
  static constexpr char const* name = "sum_streams";

  static auto forward(context_like auto& ctx, auto const& x) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    detail_streams::saved const s{x.extent(0) * x.extent(1), x.extent(2), x.cols()};
    T* const y = ctx.template allocate<T>(s.rows * s.cols);
    {
      auto const guard = ctx.scratch();
      detail::sum_over(ctx.exec(), s.rows, s.streams, s.cols, x.data(), y, [&](index n) { return ctx.template allocate<T>(n); });
    }
    using width = last_axis<typename std::remove_cvref_t<decltype(x)>::axes_type>;
    return std::pair{ctx.template wrap<axis_list<axes::batch<>, axes::frames<>, width>>(y, sizes<3>{x.extent(0), x.extent(1), x.cols()}),
                     s};
  }
  template <class T>
  static void adjoint(auto& back, detail_streams::saved const& s, T const* dy) {
    if (T* const dx = back.result(0, s.rows * s.streams * s.cols)) detail_streams::repeat(back.exec(), s, dy, dx);
  }
};

/// Every stream starts as x.
/// @shape x (batch, frames, dim)  returns (batch, frames, streams, dim)
/// @math  y_s = x;  dx = sum_s dy_s
/// @throws value_error where streams is below 1
/// @see   hyper_connections: get_expand_reduce_stream_functions
auto expand_streams(context_like auto& ctx, operand auto const& x, index streams) {
  auto const xs = ctx.eval(x);
  static_assert(decltype(xs)::rank == 3, "spearstorm: expand_streams: x is (batch, frames, dim)");
  if (streams < 1) fail<value_error>("expand_streams: streams = ", streams, ", expected 1 or more");
  return record<expand_streams_op>(ctx, std::tuple{xs}, streams);
}

/// @shape x (batch, frames, streams, dim)  returns (batch, frames, dim)
/// @math  y = sum_s x_s;  dx_s = dy
auto sum_streams(context_like auto& ctx, operand auto const& x) {
  auto const xs = ctx.eval(x);
  static_assert(decltype(xs)::rank == 4, "spearstorm: sum_streams: x is (batch, frames, streams, dim)");
  return record<sum_streams_op>(ctx, std::tuple{xs});
}

}  // namespace SPEARSTORM_NS::ops
