#pragma once
// fill, copy_rows and convert: values set, moved and changed in type. All of them are element-wise programs.

#include "spearstorm/backend/generic/transform.hpp"

namespace SPEARSTORM_NS::backend {

template <class T>
struct fill_elements {
  T* out;
  T value;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index i = 0; i < count; ++i) out[first + i] = value;
  }
};

template <class T, class U>
struct convert_elements {
  T const* in;
  U* out;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index i = 0; i < count; ++i) out[first + i] = static_cast<U>(static_cast<float>(in[first + i]));
  }
};

template <class T>
struct copy_row {
  static constexpr bool one_thread = true;  // a backend of blocks copies by elements, as thrust/copy_rows.hpp
  T const* in;
  T* out;
  index ld_in, ld_out, cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    for (index i = 0; i < cols; ++i) out[row * ld_out + i] = in[row * ld_in + i];
  }
};

inline constexpr index move_span = 4096;  // elements a task: long enough to pay for a wake-up

template <class Exec, class T>
void fill(generic_tag, Exec& exec, T* out, index n, T value) {
  transform<float>(typename Exec::tag{}, exec, n, move_span, fill_elements<T>{out, value});
}

/// Through float: what a bfloat16 can hold survives, what it cannot is rounded once.
template <class Exec, class T, class U>
void convert(generic_tag, Exec& exec, T const* in, U* out, index n) {
  transform<float>(typename Exec::tag{}, exec, n, move_span, convert_elements<T, U>{in, out});
}

template <class Exec, class T>
void copy_rows(generic_tag, Exec& exec, index rows, index cols, T const* in, index ld_in, T* out, index ld_out) {
  each_row<float>(typename Exec::tag{}, exec, rows, cols, copy_row<T>{in, out, ld_in, ld_out, cols});
}

}  // namespace SPEARSTORM_NS::backend
