#pragma once
// copy_rows on thrust: one thread an element, because a copy is often one long row. fill and convert need no override.

#include "spearstorm/backend/generic/move.hpp"
#include "spearstorm/backend/thrust/each_row.hpp"

namespace SPEARSTORM_NS::backend {

template <class T>
struct copy_elements {
  T const* in;
  T* out;
  index ld_in, ld_out, cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index i = first; i < first + count; ++i) out[i / cols * ld_out + i % cols] = in[i / cols * ld_in + i % cols];
  }
};

template <class Exec, class T>
void copy_rows(thrust_tag tag, Exec& exec, index rows, index cols, T const* in, index ld_in, T* out, index ld_out) {
  if (rows > 0 && cols > 0) transform<float>(tag, exec, rows * cols, cols, copy_elements<T>{in, out, ld_in, ld_out, cols});
}

}  // namespace SPEARSTORM_NS::backend
