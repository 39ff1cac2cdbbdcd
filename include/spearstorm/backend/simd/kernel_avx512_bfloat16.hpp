#pragma once
// The kernel for bfloat16 on AVX-512-BF16.

#include "spearstorm/backend/simd/panel_kernel.hpp"

#if defined(SPEARSTORM_X86_TARGETS)
namespace SPEARSTORM_NS::backend::detail {

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

}  // namespace SPEARSTORM_NS::backend::detail
#endif
