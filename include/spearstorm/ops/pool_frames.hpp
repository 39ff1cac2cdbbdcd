#pragma once
// One vector for each example: the largest of each feature over its real frames, or a smooth maximum.

#include <algorithm>
#include <limits>

#include "spearstorm/ops/frame_mask.hpp"
#include "spearstorm/ops/ids.hpp"
#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::ops {

struct pool_options {
  bool logsumexp = true;   ///< else the maximum
  double temperature = 1;  ///< of log-sum-exp: towards 0 it becomes the maximum
};

inline constexpr index pool_block = 64;  // columns a task

/// Row (b, block): the pooled columns of a block; zeros where the example has no real frame.
template <class T>
struct pool_frames_row {
  T const* x;
  flag const* mask;  // null: all frames are real
  T* y;
  index frames, cols, blocks;
  bool smooth;
  T temperature, lowest;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    index const b = row / blocks, column = row % blocks * pool_block;
    T const* const from = x + b * frames * cols + column;
    flag const* const real = mask ? mask + b * frames : nullptr;
    Lanes::each(cols - column < pool_block ? cols - column : pool_block, [&](auto at) {
      pack most(lowest), total(T(0));
      bool any = false;
      for (index t = 0; t < frames; ++t) {
        if (real && !real[t]) continue;
        most = max(most, at.load(from + t * cols));
        any = true;
      }
      if (any && smooth) {
        for (index t = 0; t < frames; ++t)
          if (!real || real[t]) total = total + exp((at.load(from + t * cols) - most) / pack(temperature));
        most = most + pack(temperature) * log(total);
      }
      at.store(y + b * cols + column, any ? most : pack(T(0)));
    });
  }
};

/// dx of the same columns: dy by each frame's share, zeros where a frame is padding.
template <class T>
struct pool_frames_back_row {
  T const *x, *y, *dy;
  flag const* mask;
  T* dx;
  index frames, cols, blocks;
  bool smooth;
  T temperature;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    index const b = row / blocks, column = row % blocks * pool_block;
    index const first = b * frames * cols + column, pooled = b * cols + column;
    flag const* const real = mask ? mask + b * frames : nullptr;
    Lanes::each(cols - column < pool_block ? cols - column : pool_block, [&](auto at) {
      pack const made = at.load(y + pooled);
      pack share = at.load(dy + pooled);
      if (!smooth) {
        pack equal(T(0));
        for (index t = 0; t < frames; ++t)
          if (!real || real[t]) equal = equal + select(at.load(x + first + t * cols) == made, pack(T(1)), pack(T(0)));
        share = share / max(equal, pack(T(1)));
      }
      for (index t = 0; t < frames; ++t) {
        pack d(T(0));
        if (!real || real[t]) {
          pack const v = at.load(x + first + t * cols);
          d = smooth ? share * exp((v - made) / pack(temperature)) : select(v == made, share, pack(T(0)));
        }
        at.store(dx + first + t * cols, d);
      }
    });
  }
};

struct pool_frames_op {
  static constexpr char const* name = "pool_frames";

  template <class T>
  struct saved {
    T const *x, *y;
    flag const* mask;
    index batch, frames, cols;
    bool smooth;
    T temperature;
  };

  static auto forward(context_like auto& ctx, auto const& x, flag const* mask, pool_options const& options) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    using width = last_axis<typename std::remove_cvref_t<decltype(x)>::axes_type>;
    index const batch = x.extent(0), frames = x.extent(1), cols = x.cols(), blocks = (cols + pool_block - 1) / pool_block;
    T* const y = ctx.template allocate<T>(batch * cols);
    T const temperature = static_cast<T>(options.temperature);
    verbs::each_row<T>(
        ctx.exec(), batch * blocks, 2 * frames * (cols < pool_block ? cols : pool_block),
        pool_frames_row<T>{x.data(), mask, y, frames, cols, blocks, options.logsumexp, temperature, std::numeric_limits<T>::lowest()});
    return std::pair{ctx.template wrap<axis_list<axes::batch<>, width>>(y, sizes<2>{batch, cols}),
                     saved<T>{x.data(), y, mask, batch, frames, cols, options.logsumexp, temperature}};
  }
  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    index const blocks = (s.cols + pool_block - 1) / pool_block;
    if (T* const dx = back.result(0, s.batch * s.frames * s.cols))
      verbs::each_row<T>(back.exec(), s.batch * blocks, 2 * s.frames * (s.cols < pool_block ? s.cols : pool_block),
                         pool_frames_back_row<T>{s.x, s.y, dy, s.mask, dx, s.frames, s.cols, blocks, s.smooth, s.temperature});
  }
};

/// What padded frames hold never matters.
/// @shape x (batch, frames, dim)  mask (batch, frames)  returns (batch, dim)
/// @math  y = t log sum_f exp(x_f / t), or max_f x_f;  dx_f = dy exp((x_f - y) / t), or dy shared by the frames that are the largest
/// @cost  reads x twice; recording keeps x and y
/// @throws shape_error where the mask differs from x, value_error where t is not above 0, or an example has no real frame: a device looks
///         at the mask in anomaly mode only, and pools such an example to zeros
/// @see   spear_tts_pytorch: TextToSemantic.forward, whose `amax` shares the gradient likewise
auto pool_frames(context_like auto& ctx, operand_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& x, frame_mask const& mask = {},
                 pool_options const& options = {}) {
  auto const xs = ctx.eval(x);
  if (options.logsumexp && !(options.temperature > 0))
    fail<value_error>("pool_frames: temperature = ", options.temperature, ", expected above 0");
  if (xs.extent(1) == 0 && xs.extent(0) > 0) fail<value_error>("pool_frames: x has frames = 0, expected 1 or more");
  flag const* real = nullptr;
  if (mask) {
    auto const m = ctx.eval(*mask);
    check_size("pool_frames", "x", "batch", xs.extent(0), "mask", m.extent(0));
    check_size("pool_frames", "x", "frames", xs.extent(1), "mask", m.extent(1));
    detail::inspect(ctx, m, [&](std::span<flag const> of) {
      auto const frames = static_cast<std::size_t>(m.extent(1));
      for (std::size_t b = 0; b * frames < of.size(); ++b) {
        auto const row = of.subspan(b * frames, frames);
        if (std::find_if(row.begin(), row.end(), [](flag f) { return f != 0; }) == row.end())
          fail<value_error>("pool_frames: example ", b, " has no real frame, expected 1 or more");
      }
    });
    real = m.data();
  }
  return record<pool_frames_op>(ctx, std::tuple{xs}, real, options);
}

}  // namespace SPEARSTORM_NS::ops
