#pragma once
// Lanes of xsimd batches. The tail of a row runs through the same batch functions on a padded load, so an element's value
// does not depend on where the row ends.

#include <xsimd/xsimd.hpp>

#include "spearstorm/core/dtype.hpp"

namespace SPEARSTORM_NS::backend {

template <class T, class Arch>
struct simd_lanes {
  using value = T;
  using pack = xsimd::batch<T, Arch>;
  static constexpr index width = static_cast<index>(pack::size);

  /// A whole batch from position i on.
  struct full {
    index i;
    template <class U>
    pack load(U const* from) const {
      if constexpr (std::is_same_v<U, T>) {
        return pack::load_unaligned(from + i);
#if defined(__AVX512F__)
      } else if constexpr (std::is_same_v<U, bfloat16> && std::is_same_v<T, float> && width == 16) {
        return _mm512_castsi512_ps(
            _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<__m256i const*>(from + i))), 16));
#endif
      } else {
        return generate([&](index p) { return static_cast<T>(from[p]); });
      }
    }
    template <class U>
    void store(U* to, pack v) const {
      if constexpr (std::is_same_v<U, T>) {
        v.store_unaligned(to + i);
      } else {
        alignas(64) T lane[width];
        v.store_aligned(lane);
        for (index p = 0; p < width; ++p) to[i + p] = static_cast<U>(lane[p]);
      }
    }
    template <class F>
    pack generate(F const& f) const {
      alignas(64) T lane[width];
      for (index p = 0; p < width; ++p) lane[p] = static_cast<T>(f(i + p));
      return pack::load_aligned(lane);
    }
  };

  /// The last `count` < width positions; the lanes behind them hold zeros when loaded and are dropped when stored.
  struct tail {
    index i, count;
    template <class U>
    pack load(U const* from) const {
      return generate([&](index p) { return static_cast<T>(from[p]); });
    }
    template <class U>
    void store(U* to, pack v) const {
      alignas(64) T lane[width];
      v.store_aligned(lane);
      for (index p = 0; p < count; ++p) to[i + p] = static_cast<U>(lane[p]);
    }
    template <class F>
    pack generate(F const& f) const {
      alignas(64) T lane[width] = {};
      for (index p = 0; p < count; ++p) lane[p] = static_cast<T>(f(i + p));
      return pack::load_aligned(lane);
    }
  };

  /// xsimd renamed hadd to reduce_add in version 9.
  static T add_up(pack const& v) {
    if constexpr (requires { reduce_add(v); })
      return reduce_add(v);
    else
      return hadd(v);
  }

  template <class F>
  static void each(index n, F const& f) {
    index i = 0;
    for (; i + width <= n; i += width) f(full{i});
    if (i < n) f(tail{i, n - i});
  }
  template <class F>
  static void each_position(index n, F const& f) {
    for (index i = 0; i < n; ++i) f(i);
  }
  template <class F>
  static T sum(index n, F const& f) {
    pack total(T{0});
    index i = 0;
    for (; i + width <= n; i += width) total += f(full{i});
    T result = add_up(total);
    if (i < n) {
      alignas(64) T lane[width];
      pack(f(tail{i, n - i})).store_aligned(lane);
      for (index p = 0; p < n - i; ++p) result += lane[p];
    }
    return result;
  }
  template <class F>
  static T max(index n, T least, F const& f) {
    pack most(least);
    index i = 0;
    for (; i + width <= n; i += width) most = xsimd::max(most, pack(f(full{i})));
    alignas(64) T lane[width];
    most.store_aligned(lane);
    for (T v : lane) least = v > least ? v : least;
    if (i < n) {
      pack(f(tail{i, n - i})).store_aligned(lane);
      for (index p = 0; p < n - i; ++p) least = lane[p] > least ? lane[p] : least;
    }
    return least;
  }
  template <class F>
  static void once(F const& f) {
    f();
  }
};

}  // namespace SPEARSTORM_NS::backend
