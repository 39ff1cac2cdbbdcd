#pragma once
// A convolution over frames that keeps channels apart, at equal length.

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

/// Row (b, t): y = bias + sum_k w[k] x[b, t + k - left], with the taps in reverse order for the adjoint. Masked frames are
/// zero before and after.
template <class T>
struct conv_row {
  T const *x, *w, *bias;  // bias may be null
  flag const* mask;       // may be null
  T* y;
  index frames, cols, kernel, left;
  bool reversed;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T* const to = y + row * cols;
    if (mask && !mask[row]) return Lanes::each(cols, [&](auto at) { at.store(to, pack(T(0))); });
    index const t = row % frames, start = row - t, shift = t - left;
    index const first = shift < 0 ? -shift : 0, last = shift + kernel > frames ? frames - shift : kernel;
    Lanes::each(cols, [&](auto at) {
      pack total = bias ? at.load(bias) : pack(T(0));
      for (index k = first; k < last; ++k) {
        index const from = start + shift + k;
        if (mask && !mask[from]) continue;
        total = total + at.load(w + (reversed ? kernel - 1 - k : k) * cols) * at.load(x + from * cols);
      }
      at.store(to, total);
    });
  }
};

/// Row (chunk, k): dw[k] of the chunk's frames.
template <class T>
struct conv_weight_row {
  T const *x, *dy;
  flag const* mask;
  T* out;
  index rows, frames, cols, kernel, left;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index task) const {
    using pack = typename Lanes::pack;
    index const first = task / kernel * detail::sum_chunk, last = first + detail::sum_chunk < rows ? first + detail::sum_chunk : rows;
    index const shift = task % kernel - left;
    Lanes::each(cols, [&](auto at) {
      pack total(T(0));
      for (index row = first; row < last; ++row) {
        index const t = row % frames + shift;
        if (t < 0 || t >= frames || (mask && !mask[row + shift])) continue;
        total = total + at.load(dy + row * cols) * at.load(x + (row + shift) * cols);
      }
      at.store(out + task * cols, total);
    });
  }
};

/// Row r as it is, or zeros where it is masked.
template <class T>
struct keep_row {
  T const* in;
  flag const* mask;
  T* out;
  index cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    bool const kept = mask[row];
    Lanes::each(cols, [&](auto at) { at.store(out + row * cols, kept ? at.load(in + row * cols) : pack(T(0))); });
  }
};

struct depthwise_conv_op {
  static constexpr char const* name = "depthwise_conv";

  template <class T>
  struct saved {
    T const *x, *w;
    flag const* mask;
    index rows, frames, cols, kernel, left;
  };

  static auto forward(context_like auto& ctx, auto const& x, auto const& w, auto const& b, index left, flag const* mask) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    index const rows = x.extent(0) * x.extent(1), frames = x.extent(1), cols = x.cols(), kernel = w.extent(0);
    T* const y = ctx.template allocate<T>(x.size());
    verbs::each_row<T>(ctx.exec(), rows, kernel * cols,
                       conv_row<T>{x.data(), w.data(), b.data(), mask, y, frames, cols, kernel, left, false});
    using axes = typename std::remove_cvref_t<decltype(x)>::axes_type;
    return std::pair{ctx.template wrap<axes>(y, x.extents()), saved<T>{x.data(), w.data(), mask, rows, frames, cols, kernel, left}};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    auto const scratch = [&](index n) { return back.template scratch<T>(n); };
    index const size = s.rows * s.cols, taps = s.kernel * s.cols;
    T const* up = dy;
    if (s.mask) {
      T* const kept = scratch(size);
      verbs::each_row<T>(back.exec(), s.rows, s.cols, keep_row<T>{dy, s.mask, kept, s.cols});
      up = kept;
    }
    if (T* const dx = back.result(0, size))  // tap k brought x[t + k - left] to t: the reversed taps bring dy[t] back
      verbs::each_row<T>(back.exec(), s.rows, taps,
                         conv_row<T>{up, s.w, nullptr, s.mask, dx, s.frames, s.cols, s.kernel, s.kernel - 1 - s.left, true});
    if (T* const dw = back.result(1, taps)) {
      index const chunks = (s.rows + detail::sum_chunk - 1) / detail::sum_chunk;
      T* const parts = chunks == 1 ? dw : scratch(chunks * taps);
      verbs::each_row<T>(back.exec(), chunks * s.kernel, detail::sum_chunk * s.cols,
                         conv_weight_row<T>{s.x, up, s.mask, parts, s.rows, s.frames, s.cols, s.kernel, s.left});
      if (chunks != 1) detail::sum_over(back.exec(), 1, chunks, taps, parts, dw, scratch);
    }
    if (T* const db = back.result(2, s.cols)) detail::sum_over(back.exec(), 1, s.rows, s.cols, up, db, scratch);
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
