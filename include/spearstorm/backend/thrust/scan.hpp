#pragma once
// scan_rows on thrust: one thread a column, so that neighbouring threads read neighbouring numbers and a state stays in a register.

#include "spearstorm/backend/generic/scan.hpp"
#include "spearstorm/backend/thrust/each_row.hpp"

namespace SPEARSTORM_NS::backend {

template <class T>
struct scan_column {
  static constexpr bool one_thread = true;
  scan_call call;
  T const *a, *x, *start;
  T* out;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    index const example = row / call.cols, column = row % call.cols;
    T state = start ? start[row] : T(0);
    for (index i = 0; i < call.frames; ++i) {
      index const frame = call.frame(example, i), at = frame * call.cols + column;
      bool const live = call.is_live(frame);
      T const c = live ? a[at] : T(1), in = live ? x[at] : T(0);
      if (call.late) {
        out[at] = state = state + in;
        state = c * state;
      } else {
        out[at] = state = c * state + in;
      }
    }
  }
};

template <class T, class Exec>
void scan_rows(thrust_tag tag, Exec& exec, scan_call const& call, T const* a, T const* x, T const* start, T* out) {
  each_row<T>(tag, exec, call.batches * call.cols, call.frames, scan_column<T>{call, a, x, start, out});
}

}  // namespace SPEARSTORM_NS::backend
