#pragma once
// The row programs of depthwise_conv.hpp. A frame alone loads a tap and a frame for each product. So a program takes neighbouring frames
// together where nothing sets them apart, no end of an example and no mask: what they share is loaded once, and their sums stay in registers.
// Each sum has its terms in the order of a frame alone, so its bits do not tell which frames were together.
//
// Loading once is what counts, not loading soon again: where rows are 4 KB apart (1024 floats), as they often are, a column's frames, taps
// and results all want the same eight lines of the first cache.

#include "spearstorm/backend/lanes.hpp"
#include "spearstorm/tape/reduce.hpp"

/// Before a loop of few rounds: without it g++ keeps the sums that the loop adds to in memory. nvcc does not know it, nor need it.
#if defined(__CUDACC__)
#define SPEARSTORM_UNROLL
#else
#define SPEARSTORM_UNROLL _Pragma("GCC unroll 16")
#endif

namespace SPEARSTORM_NS::ops::detail_conv {

inline constexpr index frames_together = 8;  // so a device has an eighth of the rows to hand out, each to a block of threads
inline constexpr index taps_together = 5;    // their 5 + 8 - 1 frames, 8 sums and a tap fit into 32 registers
inline constexpr index few_frames = 4;       // together under fewer taps, where writing takes most of the time

/// How many frames of an example a program takes: one, where no block of more would have all its taps within the example.
constexpr index frames_of_program(index frames, index kernel) {
  index const most = kernel < taps_together ? few_frames : frames_together;
  return frames < most + kernel - 1 ? 1 : most;
}

/// Which frames a kernel sees: from row r those of rows r - left + k, in the same example and not masked.
struct kernel_view {
  flag const* mask;  // may be null
  index frames, kernel, left;

  SPEARSTORM_HD bool keeps(index row) const { return !mask || mask[row]; }
  SPEARSTORM_HD index first_tap(index row) const {
    index const t = row % frames;
    return t < left ? left - t : 0;
  }
  SPEARSTORM_HD index end_of_taps(index row) const {
    index const rest = frames - row % frames + left;
    return rest < kernel ? rest : kernel;
  }
  /// From `count` rows on, every tap sees a frame, and none of the rows is masked.
  SPEARSTORM_HD bool whole(index row, index count) const {
    index const t = row % frames - left, first = row - left, seen = count + kernel - 1;
    if (t < 0 || t + seen > frames) return false;
    for (index i = first; mask && i < first + seen; ++i)
      if (!mask[i]) return false;
    return true;
  }
};

/// Row (b, block): y = bias + sum_k w[k] x[b, t + k - left] of the block's frames; a masked one is zero. For the adjoint, which has the taps
/// in reverse order, w is the last one and next_tap negative.
template <class T>
struct conv_rows {
  T const *x, *w, *bias;  // bias may be null
  T* y;
  kernel_view view;
  index cols, next_tap, block, blocks;

  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes lanes, index task) const {
    index const t = task % blocks * block, row = task / blocks * view.frames + t, rest = view.frames - t;
    index const count = rest < block ? rest : block;
    if (count == frames_together && view.whole(row, count)) return together<frames_together, taps_together>(lanes, row);
    if (count == few_frames && view.whole(row, count)) return together<few_frames, 1>(lanes, row);
    for (index i = 0; i < count; ++i) alone(lanes, row + i);
  }

 private:
  template <class Lanes>
  SPEARSTORM_HD void alone(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T* const to = y + row * cols;
    if (!view.keeps(row)) return Lanes::each(cols, [&](auto at) { at.store(to, pack(T(0))); });
    index const first = view.first_tap(row), end = view.end_of_taps(row), shift = row - view.left;
    Lanes::each(cols, [&](auto at) {
      pack total = bias ? at.load(bias) : pack(T(0));
      for (index k = first; k < end; ++k)
        if (view.keeps(shift + k)) total = total + at.load(w + k * next_tap) * at.load(x + (shift + k) * cols);
      at.store(to, total);
    });
  }
  template <index Frames, index Taps, class Lanes>
  SPEARSTORM_HD void together(Lanes, index row) const {
    using pack = typename Lanes::pack;
    Lanes::each(cols, [=, *this](auto at) {
      index const down = cols, along = next_tap, kernel = view.kernel;  // copies: g++ reads members again after each store
      pack const start = bias ? at.load(bias) : pack(T(0));
      pack total[Frames];
      SPEARSTORM_UNROLL
      for (index r = 0; r < Frames; ++r) total[r] = start;
      T const *from = x + (row - view.left) * down, *tap = w;
      index k = 0;
      for (; k + Taps <= kernel; k += Taps) add_taps<Taps>(at, from, down, tap, along, total);
      for (; Taps > 1 && k < kernel; ++k) add_taps<1>(at, from, down, tap, along, total);
      T* to = y + row * down;
      SPEARSTORM_UNROLL
      for (index r = 0; r < Frames; ++r, to += down) at.store(to, total[r]);
    });
  }
  /// total[r] += sum_k tap[k] from[r + k]; moves both on by the taps.
  template <index Taps, index Frames, class At, class Pack>
  SPEARSTORM_HD static void add_taps(At at, T const*& from, index down, T const*& tap, index along, Pack (&total)[Frames]) {
    Pack seen[Frames + Taps - 1];
    SPEARSTORM_UNROLL
    for (index r = 0; r < Frames + Taps - 1; ++r, from += down) seen[r] = at.load(from);
    from -= (Frames - 1) * down;
    SPEARSTORM_UNROLL
    for (index k = 0; k < Taps; ++k, tap += along) {
      Pack const weight = at.load(tap);
      SPEARSTORM_UNROLL
      for (index r = 0; r < Frames; ++r) total[r] = total[r] + weight * seen[r + k];
    }
  }
};

/// Row (chunk): dw[k] = sum dy x[k - left] and dbias = sum dy of the chunk's frames, without the masked ones. All taps are in one row because
/// they read the same.
template <class T>
struct conv_weight_rows {
  T const *x, *dy;
  T *dw, *dbias;  // of each chunk; either may be null
  kernel_view view;
  index rows, cols;

  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes lanes, index chunk) const {
    using pack = typename Lanes::pack;
    index const first = chunk * detail::sum_chunk, last = first + detail::sum_chunk < rows ? first + detail::sum_chunk : rows;
    T *const taps = dw ? dw + chunk * view.kernel * cols : nullptr, *const bias = dbias ? dbias + chunk * cols : nullptr;
    if (taps) Lanes::each(view.kernel * cols, [&](auto at) { at.store(taps, pack(T(0))); });
    if (bias) Lanes::each(cols, [&](auto at) { at.store(bias, pack(T(0))); });
    for (index row = first; row < last;)
      if (row + frames_together <= last && view.whole(row, frames_together)) {
        if (taps) add_all_taps(lanes, row, taps);
        if (bias) add_rows<frames_together>(lanes, row, bias);
        row += frames_together;
      } else {
        if (taps && view.keeps(row)) add_seen_taps(lanes, row, taps);
        if (bias && view.keeps(row)) add_rows<1>(lanes, row, bias);
        ++row;
      }
  }

 private:
  template <class Lanes>
  SPEARSTORM_HD void add_all_taps(Lanes lanes, index row, T* to) const {
    index k = 0;
    for (; k + taps_together <= view.kernel; k += taps_together) add_taps<frames_together, taps_together>(lanes, row, k, to);
    for (; k < view.kernel; ++k) add_taps<frames_together, 1>(lanes, row, k, to);
  }
  template <class Lanes>
  SPEARSTORM_HD void add_seen_taps(Lanes lanes, index row, T* to) const {
    index const end = view.end_of_taps(row);
    for (index k = view.first_tap(row); k < end; ++k)
      if (view.keeps(row - view.left + k)) add_taps<1, 1>(lanes, row, k, to);
  }
  /// to[j] += sum_r dy[r] x[r + j - left] for the taps j from k on.
  template <index Frames, index Taps, class Lanes>
  SPEARSTORM_HD void add_taps(Lanes, index row, index k, T* to) const {
    using pack = typename Lanes::pack;
    Lanes::each(cols, [=, *this](auto at) {
      index const down = cols;
      T* const tap = to + k * down;
      pack total[Taps], seen[Frames + Taps - 1];
      SPEARSTORM_UNROLL
      for (index j = 0; j < Taps; ++j) total[j] = at.load(tap + j * down);
      T const *from = x + (row - view.left + k) * down, *up = dy + row * down;
      SPEARSTORM_UNROLL
      for (index r = 0; r < Frames + Taps - 1; ++r, from += down) seen[r] = at.load(from);
      SPEARSTORM_UNROLL
      for (index r = 0; r < Frames; ++r, up += down) {
        pack const d = at.load(up);
        SPEARSTORM_UNROLL
        for (index j = 0; j < Taps; ++j) total[j] = total[j] + d * seen[r + j];
      }
      SPEARSTORM_UNROLL
      for (index j = 0; j < Taps; ++j) at.store(tap + j * down, total[j]);
    });
  }
  template <index Frames, class Lanes>
  SPEARSTORM_HD void add_rows(Lanes, index row, T* to) const {
    using pack = typename Lanes::pack;
    Lanes::each(cols, [=, *this](auto at) {
      pack total = at.load(to);
      for (index r = 0; r < Frames; ++r) total = total + at.load(dy + (row + r) * cols);
      at.store(to, total);
    });
  }
};

}  // namespace SPEARSTORM_NS::ops::detail_conv

#undef SPEARSTORM_UNROLL
