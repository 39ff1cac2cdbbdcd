#pragma once
// Lanes let one source serve a scalar loop, a SIMD batch, a device thread and a block of them. A row program asks its lanes to go
// along a row; the lanes hand it positions `at`, through which it loads and stores as many neighbours as the backend takes at once.
//
// The threads of a block run one program together (thrust/block_lanes.hpp). So a program
//   - stores through `at`, in each_position or in once, and nowhere else;
//   - loads nothing by itself that the very next call stores, unless that is once: another thread may be in that call already;
//   - comes to each, each_position, sum, max and once or not as its row decides alone: all threads have to come to them.
// One that cannot keep to this says `static constexpr bool one_thread = true`.

#include <type_traits>

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS::backend {

/// A program that the threads of a block may not share.
template <class Program>
concept one_thread_program = requires { requires Program::one_thread; };

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
  /// f(position), one at a time: for what has no vector form and stores by itself.
  template <class F>
  SPEARSTORM_HD static void each_position(index n, F const& f) {
    for (index i = 0; i < n; ++i) f(i);
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
  /// f() once a row, whatever the number of threads that share it: for single numbers that are stored. All that stands before it in
  /// the program is done by then, and all that stands behind it sees what f stored.
  template <class F>
  SPEARSTORM_HD static void once(F const& f) {
    f();
  }
};

}  // namespace SPEARSTORM_NS::backend
