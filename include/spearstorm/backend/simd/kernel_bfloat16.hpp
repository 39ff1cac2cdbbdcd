#pragma once
// The kernels for factors in bfloat16, and which of them this processor runs. All read the same blocks and panels and sum in float.

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "spearstorm/backend/simd/kernel_float.hpp"
#include "spearstorm/core/error.hpp"

#if (defined(__x86_64__) || defined(_M_X64)) && (defined(__GNUC__) || defined(__clang__))
#define SPEARSTORM_X86_TARGETS 1
#include <immintrin.h>
#endif

namespace SPEARSTORM_NS::backend {

inline constexpr index bfloat16_columns = 32;  ///< of a panel, for every kernel

/// C (rows, 32) (+)= rows of a left block times a right panel, `units` pairs of depths.
struct bfloat16_kernel {
  std::string_view name;
  void (*run)(index rows, index units, packing::unit const* a, packing::unit const* b, float* c, index ldc, bool add);
};

namespace detail {

/// For processors without instructions for bfloat16: widened by parts, then the kernel of floats.
template <class Arch>
struct portable_bfloat16 {
  using kernel = float_kernel<Arch>;
  static constexpr index part = 32;  // units widened at once: 8 KB of the panel stay in the first cache
  static constexpr index depth = 2 * part, columns = bfloat16_columns, stripes = columns / kernel::columns;

  static float low(packing::unit u) { return std::bit_cast<float>(u << 16); }
  static float high(packing::unit u) { return std::bit_cast<float>(u & 0xffff0000u); }

  static void run(index rows, index units, packing::unit const* a, packing::unit const* b, float* c, index ldc, bool add) {
    alignas(64) float right[depth * columns], left[kernel::rows * depth];
    for (index first = 0; first < units; first += part) {
      index const count = std::min(part, units - first);
      for (index stripe = 0; stripe < stripes; ++stripe)
        for (index u = 0; u < count; ++u)
          for (index j = 0; j < kernel::columns; ++j) {
            packing::unit const pair = b[(first + u) * columns + stripe * kernel::columns + j];
            float* const to = right + stripe * depth * kernel::columns + 2 * u * kernel::columns + j;
            to[0] = low(pair), to[kernel::columns] = high(pair);
          }
      for (index r = 0; r < rows; r += kernel::rows) {
        index const some = std::min<index>(kernel::rows, rows - r);
        for (index i = 0; i < some; ++i)
          for (index u = 0; u < count; ++u) {
            packing::unit const pair = a[(r + i) * packing::block_stride + first + u];
            left[i * depth + 2 * u] = low(pair), left[i * depth + 2 * u + 1] = high(pair);
          }
        for (index stripe = 0; stripe < stripes; ++stripe)
          kernel::template block<depth>(some, 2 * count, left, right + stripe * depth * kernel::columns,
                                        c + r * ldc + stripe * kernel::columns, ldc, add || first > 0);
      }
    }
  }
};

#if defined(SPEARSTORM_X86_TARGETS)
#define SPEARSTORM_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

/// vdpbf16ps: two products added to each of 16 sums. The same tile of 12 rows and two registers as for floats.
template <int Rows>
SPEARSTORM_TARGET void avx512_bfloat16_tile(index units, packing::unit const* a, packing::unit const* b, float* c, index ldc, bool add) {
  __m512 sums[Rows][2];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) sums[r][0] = sums[r][1] = _mm512_setzero_ps();
  for (index u = 0; u < units; ++u) {
    auto const w0 = (__m512bh)_mm512_loadu_si512(b + u * bfloat16_columns),
               w1 = (__m512bh)_mm512_loadu_si512(b + u * bfloat16_columns + 16);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      auto const x = (__m512bh)_mm512_set1_epi32(static_cast<int>(a[r * packing::block_stride + u]));
      sums[r][0] = _mm512_dpbf16_ps(sums[r][0], x, w0);
      sums[r][1] = _mm512_dpbf16_ps(sums[r][1], x, w1);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
    float* const to = c + r * ldc;
    if (add) {
      sums[r][0] = _mm512_add_ps(sums[r][0], _mm512_loadu_ps(to));
      sums[r][1] = _mm512_add_ps(sums[r][1], _mm512_loadu_ps(to + 16));
    }
    _mm512_storeu_ps(to, sums[r][0]);
    _mm512_storeu_ps(to + 16, sums[r][1]);
  }
}

inline void avx512_bfloat16(index rows, index units, packing::unit const* a, packing::unit const* b, float* c, index ldc, bool add) {
  index r = 0;
  for (; r + 12 <= rows; r += 12) avx512_bfloat16_tile<12>(units, a + r * packing::block_stride, b, c + r * ldc, ldc, add);
  for (; r + 8 <= rows; r += 8) avx512_bfloat16_tile<8>(units, a + r * packing::block_stride, b, c + r * ldc, ldc, add);
  for (; r + 4 <= rows; r += 4) avx512_bfloat16_tile<4>(units, a + r * packing::block_stride, b, c + r * ldc, ldc, add);
  for (; r + 2 <= rows; r += 2) avx512_bfloat16_tile<2>(units, a + r * packing::block_stride, b, c + r * ldc, ldc, add);
  for (; r < rows; ++r) avx512_bfloat16_tile<1>(units, a + r * packing::block_stride, b, c + r * ldc, ldc, add);
}
#undef SPEARSTORM_TARGET
#endif

}  // namespace detail

/// The kernels that this processor can run, fastest first.
template <class Arch>
std::vector<bfloat16_kernel> bfloat16_kernels() {
  std::vector<bfloat16_kernel> found;
#if defined(SPEARSTORM_X86_TARGETS)
  if (__builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    found.push_back({"avx512_bf16", detail::avx512_bfloat16});
#endif
  found.push_back({"portable", detail::portable_bfloat16<Arch>::run});
  return found;
}

/// The fastest one, or the one that the environment variable SPEARSTORM_BF16 names; read once.
/// @throws value_error where it names a kernel that this processor cannot run
template <class Arch>
bfloat16_kernel const& best_bfloat16_kernel() {
  static bfloat16_kernel const chosen = [] {
    auto const known = bfloat16_kernels<Arch>();
    char const* const wanted = std::getenv("SPEARSTORM_BF16");
    if (!wanted) return known.front();
    std::string all;
    for (auto const& kernel : known) {
      if (kernel.name == wanted) return kernel;
      all += (all.empty() ? "" : ", ") + std::string(kernel.name);
    }
    fail<value_error>("SPEARSTORM_BF16 = ", wanted, ", expected one of this processor's kernels: ", all);
  }();
  return chosen;
}

}  // namespace SPEARSTORM_NS::backend
