#pragma once
// A convolution over frames that keeps channels apart, at equal length.

#include "spearstorm/ops/depthwise_conv_rows.hpp"
#include "spearstorm/ops/frame_mask.hpp"
#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::ops {

/// Zeros before the first and behind the last frame.
struct conv_padding {
  index left, right;
  friend bool operator==(conv_padding, conv_padding) = default;
};
/// soundstorm-pytorch's calc_same_padding: an even kernel sees one frame more of the past than of the future.
constexpr conv_padding same_padding(index kernel) { return {kernel / 2, kernel / 2 - (kernel + 1) % 2}; }
/// No frame sees a later one.
constexpr conv_padding causal_padding(index kernel) { return {kernel - 1, 0}; }

struct depthwise_conv_op {
  static constexpr char const* name = "depthwise_conv";

  template <class T>
  struct saved {
    T const *x, *w;
    flag const* mask;
    index examples, frames, cols, kernel, left;
  };

  static auto forward(context_like auto& ctx, auto const& x, auto const& w, auto const& b, index left, flag const* mask) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    saved<T> const s{x.data(), w.data(), mask, x.extent(0), x.extent(1), x.cols(), w.extent(0), left};
    T* const y = ctx.template allocate<T>(x.size());
    convolve(ctx.exec(), s, left, s.x, s.w, s.cols, b.data(), y);
    using axes = typename std::remove_cvref_t<decltype(x)>::axes_type;
    return std::pair{ctx.template wrap<axes>(y, x.extents()), s};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    index const rows = s.examples * s.frames, taps = s.kernel * s.cols;
    if (T* const dx = back.result(0, rows * s.cols))  // tap k brought x[t + k - left] to t: the reversed taps bring dy[t] back
      convolve<T>(back.exec(), s, s.kernel - 1 - s.left, dy, s.w + taps - s.cols, -s.cols, nullptr, dx);
    T *const dw = back.result(1, taps), *const db = back.result(2, s.cols);
    if (!dw && !db) return;
    auto const scratch = [&](index n) { return back.template scratch<T>(n); };
    index const chunks = (rows + detail::sum_chunk - 1) / detail::sum_chunk;
    auto const parts_of = [&](T* sum, index size) { return sum && chunks != 1 ? scratch(chunks * size) : sum; };
    T *const dw_parts = parts_of(dw, taps), *const db_parts = parts_of(db, s.cols);
    verbs::each_row<T>(back.exec(), chunks, (rows < detail::sum_chunk ? rows : detail::sum_chunk) * taps,
                       detail_conv::conv_weight_rows<T>{s.x, dy, dw_parts, db_parts, {s.mask, s.frames, s.kernel, s.left}, rows, s.cols});
    if (chunks == 1) return;
    if (dw) detail::sum_over(back.exec(), 1, chunks, taps, dw_parts, dw, scratch);
    if (db) detail::sum_over(back.exec(), 1, chunks, s.cols, db_parts, db, scratch);
  }

 private:
  template <class T, class Exec>
  static void convolve(Exec& exec, saved<T> const& s, index left, T const* x, T const* w, index next_tap, T const* bias, T* y) {
    index const block = detail_conv::frames_of_program(s.frames, s.kernel), blocks = (s.frames + block - 1) / block;
    verbs::each_row<T>(exec, s.examples * blocks, block * s.kernel * s.cols,
                       detail_conv::conv_rows<T>{x, w, bias, y, {s.mask, s.frames, s.kernel, left}, s.cols, next_tap, block, blocks});
  }
};

struct depthwise_conv_options {
  index left = 0;        ///< frames before the current one that the kernel sees: same_padding(kernel).left or causal_padding
  frame_mask mask = {};  ///< masked frames are zero before and after
};

/// @shape x (batch, frames, dim)  weight (kernel, dim)  bias (dim)  mask (batch, frames)  returns (batch, frames, dim)
/// @math  y[b, t] = bias + sum_k weight[k] x[b, t + k - left], frames outside and masked ones being zero;
///        dx[b, s] = sum_k weight[k] dy[b, s + left - k],  dweight[k] = sum_b,t dy[b, t] x[b, t + k - left]
/// @cost  2 batch frames kernel dim FLOPs, twice that backward; recording keeps x
/// @throws shape_error where weight, bias or mask does not fit x, value_error where left lies outside 0 ... kernel - 1
/// @see   soundstorm-pytorch: DepthWiseConv1d, whose weight is (dim, 1, kernel)
auto depthwise_conv(context_like auto& ctx, operand auto const& x, operand auto const& weight, operand auto const& bias,
                    depthwise_conv_options options = {}) {
  auto const xs = ctx.eval(x);
  auto const w = ctx.eval(weight);
  auto const b = ctx.eval(bias);
  static_assert(decltype(xs)::rank == 3 && decltype(w)::rank == 2,
                "spearstorm: depthwise_conv: x is (batch, frames, dim), weight (kernel, dim)");
  constexpr auto axis = last_axis<typename decltype(xs)::axes_type>::name;
  check_size("depthwise_conv", "input", axis, xs.cols(), "weight", w.cols());
  check_size("depthwise_conv", "input", axis, xs.cols(), "bias", b.size());
  check_range<index>("depthwise_conv", "left", options.left, 0, w.extent(0) - 1);
  flag const* mask = nullptr;
  if (options.mask) {
    auto const keys = ctx.eval(*options.mask);
    check_size("depthwise_conv", "input", "batch", xs.extent(0), "mask", keys.extent(0));
    check_size("depthwise_conv", "input", "frames", xs.extent(1), "mask", keys.extent(1));
    mask = keys.data();
  }
  return record<depthwise_conv_op>(ctx, std::tuple{xs, w, b}, options.left, mask);
}

}  // namespace SPEARSTORM_NS::ops
