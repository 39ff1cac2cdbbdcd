#pragma once
// Products of a few rows with weights in eight bits: groups of 64 depths share a scale on either side, their sum of products is an exact
// integer.

#include <cmath>
#include <cstdlib>
#include <vector>

#include "spearstorm/backend/simd/kernel_bfloat16.hpp"

namespace SPEARSTORM_NS::backend::int8 {

inline constexpr index group = 64;  // depths with one scale
inline constexpr index columns = 32;
inline constexpr index most_rows = 16;  ///< of a product: more are faster in bfloat16

/// 32 columns of a group. Rows are kept as value + 128, for which `offset` makes up: -128 times the sum of a column's values.
struct alignas(64) panel_group {
  std::int8_t values[group / 4][columns][4];
  float scale[columns];
  std::int32_t offset[columns];
};

constexpr index groups_of(index depth) { return (depth + group - 1) / group; }

/// The scale under which the largest of some values becomes 127, and one value under it.
inline float scale_of(float most) { return most / 127.0f; }
inline int rounded(float x, float inverse) { return static_cast<int>(std::nearbyint(x * inverse)); }

/// Panel number `panel` of a right factor: groups_of(depth) groups.
inline void pack_panel(packing::factor const& f, index panel, panel_group* to) {
  for (index g = 0; g < groups_of(f.depth); ++g)
    for (index c = 0; c < columns; ++c) {
      index const o = panel * columns + c;
      float most = 0;
      for (index d = 0; d < group; ++d) most = std::max(most, std::abs(f.at(o, g * group + d)));
      float const scale = scale_of(most), inverse = most > 0 ? 1 / scale : 0;
      std::int32_t sum = 0;
      for (index d = 0; d < group; ++d) {
        int const q = rounded(f.at(o, g * group + d), inverse);
        to[g].values[d / 4][c][d % 4] = static_cast<std::int8_t>(q);
        sum += q;
      }
      to[g].scale[c] = scale, to[g].offset[c] = -128 * sum;
    }
}

/// Rows of a left factor: (rows, groups, 64) values + 128, and (rows, groups) scales.
struct rows {
  std::vector<std::uint8_t> values;
  std::vector<float> scales;

  void pack_(packing::factor const& f) {
    index const groups = groups_of(f.depth);
    values.resize(static_cast<std::size_t>(f.outer * groups * group));
    scales.resize(static_cast<std::size_t>(f.outer * groups));
    for (index r = 0; r < f.outer; ++r)
      for (index g = 0; g < groups; ++g) {
        float part[group];
        for (index d = 0; d < group; ++d) part[d] = f.at(r, g * group + d);
        scales[static_cast<std::size_t>(r * groups + g)] = pack_group(part, values.data() + (r * groups + g) * group);
      }
  }

 private:
  static float pack_group(float const* from, std::uint8_t* to) {
#if defined(__AVX512F__)
    __m512 x[4], most = _mm512_setzero_ps();
    for (int i = 0; i < 4; ++i) x[i] = _mm512_loadu_ps(from + 16 * i), most = _mm512_max_ps(most, _mm512_abs_ps(x[i]));
    float const high = _mm512_reduce_max_ps(most), scale = scale_of(high);
    __m512 const inverse = _mm512_set1_ps(high > 0 ? 1 / scale : 0);
    for (int i = 0; i < 4; ++i)
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16 * i),
                       _mm512_cvtepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(x[i], inverse)), _mm512_set1_epi32(128))));
#else
    float high = 0;
    for (index d = 0; d < group; ++d) high = std::max(high, std::abs(from[d]));
    float const scale = scale_of(high), inverse = high > 0 ? 1 / scale : 0;
    for (index d = 0; d < group; ++d) to[d] = static_cast<std::uint8_t>(rounded(from[d], inverse) + 128);
#endif
    return scale;
  }
};

/// C (rows, 32) = rows times a panel of `groups` groups.
using kernel = void (*)(index rows, index groups, std::uint8_t const* a, float const* scales, panel_group const* b, float* c, index ldc);

inline void portable(index rows, index groups, std::uint8_t const* a, float const* scales, panel_group const* b, float* c, index ldc) {
  for (index r = 0; r < rows; ++r)
    for (index col = 0; col < columns; ++col) {
      float sum = 0;
      for (index g = 0; g < groups; ++g) {
        std::int32_t exact = b[g].offset[col];
        for (index d = 0; d < group; ++d) exact += a[(r * groups + g) * group + d] * b[g].values[d / 4][col][d % 4];
        sum += static_cast<float>(exact) * (scales[r * groups + g] * b[g].scale[col]);
      }
      c[r * ldc + col] = sum;
    }
}

#if defined(SPEARSTORM_X86_TARGETS)
#define SPEARSTORM_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

/// vpdpbusd: four products added to each of 16 integers.
template <int Rows>
SPEARSTORM_TARGET void vnni_tile(index groups, std::uint8_t const* a, float const* scales, panel_group const* b, float* c, index ldc) {
  __m512 sums[Rows][2];
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) sums[r][0] = sums[r][1] = _mm512_setzero_ps();
  for (index g = 0; g < groups; ++g) {
    __m512i exact[Rows][2];
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) exact[r][0] = _mm512_load_si512(b[g].offset), exact[r][1] = _mm512_load_si512(b[g].offset + 16);
    for (int u = 0; u < group / 4; ++u) {
      __m512i const w0 = _mm512_load_si512(b[g].values[u]), w1 = _mm512_load_si512(b[g].values[u][16]);
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r) {
        std::int32_t four;
        std::memcpy(&four, a + (r * groups + g) * group + 4 * u, sizeof four);
        __m512i const x = _mm512_set1_epi32(four);
        exact[r][0] = _mm512_dpbusd_epi32(exact[r][0], x, w0);
        exact[r][1] = _mm512_dpbusd_epi32(exact[r][1], x, w1);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      __m512 const scale = _mm512_set1_ps(scales[r * groups + g]);
      sums[r][0] =
          _mm512_add_ps(sums[r][0], _mm512_mul_ps(_mm512_cvtepi32_ps(exact[r][0]), _mm512_mul_ps(scale, _mm512_load_ps(b[g].scale))));
      sums[r][1] =
          _mm512_add_ps(sums[r][1], _mm512_mul_ps(_mm512_cvtepi32_ps(exact[r][1]), _mm512_mul_ps(scale, _mm512_load_ps(b[g].scale + 16))));
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) _mm512_storeu_ps(c + r * ldc, sums[r][0]), _mm512_storeu_ps(c + r * ldc + 16, sums[r][1]);
}

inline void vnni(index rows, index groups, std::uint8_t const* a, float const* scales, panel_group const* b, float* c, index ldc) {
  index r = 0;
  index const next = groups * group;
  for (; r + 4 <= rows; r += 4) vnni_tile<4>(groups, a + r * next, scales + r * groups, b, c + r * ldc, ldc);
  for (; r < rows; ++r) vnni_tile<1>(groups, a + r * next, scales + r * groups, b, c + r * ldc, ldc);
}
#undef SPEARSTORM_TARGET
#endif

/// The kernel of this processor; SPEARSTORM_BF16=portable asks for the portable one here too.
inline kernel best() {
  static kernel const chosen = [] {
    [[maybe_unused]] char const* const wanted = std::getenv("SPEARSTORM_BF16");
#if defined(SPEARSTORM_X86_TARGETS)
    if (!(wanted && std::string_view(wanted) == "portable") && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
      return vnni;
#endif
    return portable;
  }();
  return chosen;
}

}  // namespace SPEARSTORM_NS::backend::int8
