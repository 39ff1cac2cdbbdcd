#pragma once
// scan_rows: a first-order recurrence over frames, every column by itself.

#include "spearstorm/backend/generic/each_row.hpp"
#include "spearstorm/core/dtype.hpp"

namespace SPEARSTORM_NS::backend {

/// out_t = c h + x_t for each example and column of (batches, frames, cols), h being the frame before: out_t-1, or out_t+1
/// where `reverse`. c is a_t; where `late` it is the frame before's, and 1 in the first, which makes the adjoint of a scan a
/// late one the other way. A frame that is not live hands on what it is given: for it a is 1 and x is 0.
struct scan_call {
  index batches, frames, cols;
  bool reverse = false, late = false;
  flag const* live = nullptr;  ///< (batches, frames), null where all are

  SPEARSTORM_HD bool is_live(index frame) const { return !live || live[frame]; }
  /// The scan's i-th frame of an example, counted through all examples.
  SPEARSTORM_HD index frame(index example, index i) const { return example * frames + (reverse ? frames - 1 - i : i); }
};

/// Row (example, part): `span` neighbouring columns through all frames.
template <class T>
struct scan_part {
  scan_call call;
  T const *a, *x, *start;  // start (batches, cols) may be null: zeros
  T* out;
  index span, parts;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    index const example = row / parts, first = row % parts * span, cols = call.cols;
    index const count = cols - first < span ? cols - first : span;
    T const* before = start ? start + example * cols + first : nullptr;
    index factor = -1;  // the frame that c is of
    for (index i = 0; i < call.frames; ++i) {
      index const frame = call.frame(example, i), offset = frame * cols + first;
      if (!call.late) factor = frame;
      bool const scaled = factor >= 0 && call.is_live(factor), added = call.is_live(frame);
      T const *const c = scaled ? a + factor * cols + first : nullptr, *const in = x + offset, *const h = before;
      T* const to = out + offset;
      Lanes::each(count, [&](auto at) {
        pack total(T(0));
        if (h) total = c ? pack(at.load(c) * at.load(h)) : at.load(h);
        if (added) total = total + at.load(in);
        at.store(to, total);
      });
      before = to;
      factor = frame;
    }
  }
};

inline constexpr index scan_span = 64;  // columns a task: enough independent chains to hide the arithmetic's latency

/// @param start (batches, cols), what the first frame meets; null for zeros
template <class T, class Exec>
void scan_rows(generic_tag, Exec& exec, scan_call const& call, T const* a, T const* x, T const* start, T* out) {
  index const parts = (call.cols + scan_span - 1) / scan_span, span = call.cols < scan_span ? call.cols : scan_span;
  each_row<T>(typename Exec::tag{}, exec, call.batches * parts, call.frames * span, scan_part<T>{call, a, x, start, out, scan_span, parts});
}

}  // namespace SPEARSTORM_NS::backend
