#pragma once
// Lanes let one source serve a scalar loop, a SIMD batch and a device thread. A row program asks its lanes to go along a
// row; the lanes hand it positions `at`, through which it loads and stores as many neighbours as the backend takes at once.

#include <type_traits>

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS::backend {

/// One element at a time: the reference, and what a device thread runs.
template <class T>
struct scalar_lanes {
  using value = T;
  using pack = T;
  static constexpr index width = 1;

  struct one {
    index i;
    template <class U>
    SPEARSTORM_HD T load(U const* from) const {
      return static_cast<T>(from[i]);
    }
    template <class U>
    SPEARSTORM_HD void store(U* to, T v) const {
      to[i] = static_cast<U>(v);
    }
    /// f(position) for each position; for what has no vector form, such as random bits.
    template <class F>
    SPEARSTORM_HD T generate(F const& f) const {
      return f(i);
    }
  };

  template <class F>
  SPEARSTORM_HD static void each(index n, F const& f) {
    for (index i = 0; i < n; ++i) f(one{i});
  }
  template <class F>
  SPEARSTORM_HD static T sum(index n, F const& f) {
    T total{0};
    for (index i = 0; i < n; ++i) total += f(one{i});
    return total;
  }
  /// The largest f(at), at least `least`.
  template <class F>
  SPEARSTORM_HD static T max(index n, T least, F const& f) {
    for (index i = 0; i < n; ++i) {
      T const v = f(one{i});
      least = v > least ? v : least;
    }
    return least;
  }
};

}  // namespace SPEARSTORM_NS::backend
