#pragma once
// The factors of a product rearranged for the kernels, in units of four bytes: a float, or two bfloat16 of neighbouring depth.
//
//   left   [row][unit], rows block_stride apart: a kernel broadcasts unit after unit of some rows
//   right  [panel][unit][column], panels of as many columns as a kernel keeps sums of

#include <algorithm>
#include <cstring>

#include "spearstorm/core/dtype.hpp"
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace SPEARSTORM_NS::backend::packing {

using unit = std::uint32_t;

inline constexpr index block_units = 256;                // of the depth, which a kernel goes through at once
inline constexpr index block_stride = block_units + 16;  // no power of two: rows would share their cache lines' places
inline constexpr index side = 16;                        // factors are rearranged in squares of 16 x 16 units

/// Depths in a unit.
template <class Factor>
inline constexpr index per_unit = static_cast<index>(sizeof(unit) / sizeof(Factor));

/// A factor in memory: element (outer, depth) lies at data[outer * outer_stride + depth * depth_stride]; one stride is 1.
/// `outer` counts the rows of C for the left factor, its columns for the right one.
struct factor {
  float const* data;
  index outer, depth, outer_stride, depth_stride;
  float scale = 1;
  bool along_depth() const { return depth_stride == 1; }
  float at(index o, index d) const { return o < outer && d < depth ? scale * data[o * outer_stride + d * depth_stride] : 0.0f; }
  /// The part from an outer position on.
  factor from(index o, index count) const { return {data + o * outer_stride, count, depth, outer_stride, depth_stride, scale}; }
  /// The part from a depth on.
  factor below(index d, index count) const { return {data + d * depth_stride, outer, count, outer_stride, depth_stride, scale}; }
};

template <class Factor>
unit unit_at(factor const& f, index o, index u) {
  if constexpr (std::is_same_v<Factor, float>) {
    return std::bit_cast<unit>(f.at(o, u));
  } else {
    return bfloat16(f.at(o, 2 * u)).bits | static_cast<unit>(bfloat16(f.at(o, 2 * u + 1)).bits) << 16;
  }
}

/// Where the unit lies in the factor as a whole.
template <class Factor>
unit whole_unit(factor const& f, index o, index u) {
  float const* const from = f.data + o * f.outer_stride + u * per_unit<Factor> * f.depth_stride;
  if constexpr (std::is_same_v<Factor, float>)
    return std::bit_cast<unit>(f.scale * *from);
  else
    return bfloat16(f.scale * *from).bits | static_cast<unit>(bfloat16(f.scale * from[f.depth_stride]).bits) << 16;
}

/// A float's kernel reads as float what is written here.
inline void put(unit* to, unit value) { std::memcpy(static_cast<void*>(to), &value, sizeof value); }

#if defined(__AVX512F__)
namespace detail {

inline void transpose(__m512i (&r)[side]) {
  __m512i t[side];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]), t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]), r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]), r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {  // now r[4 q + i] holds column i of each 4 x 4 square in row group q
    __m512i const low = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88), high = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    __m512i const low2 = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88), high2 = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    t[i] = _mm512_shuffle_i32x4(low, low2, 0x88), t[i + 8] = _mm512_shuffle_i32x4(low, low2, 0xdd);
    t[i + 4] = _mm512_shuffle_i32x4(high, high2, 0x88), t[i + 12] = _mm512_shuffle_i32x4(high, high2, 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) r[i] = t[i];
}

inline __mmask16 first(index count) { return static_cast<__mmask16>(count >= side ? 0xffff : count <= 0 ? 0 : (1u << count) - 1); }

/// 16 floats, or zeros from the count'th one on.
template <bool Whole>
inline __m512 load(float const* from, [[maybe_unused]] index count, __m512 scale) {
  if constexpr (Whole)
    return _mm512_mul_ps(_mm512_loadu_ps(from), scale);
  else
    return _mm512_mul_ps(_mm512_maskz_loadu_ps(first(count), from), scale);
}

/// 16 floats as bfloat16 in the upper halves of their lanes, the lower ones zero: nearest, ties to even, NaN stays NaN.
inline __m512i rounded(__m512 x) {
  __m512i const bits = _mm512_castps_si512(x);
  __m512i const odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  __m512i const up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  __mmask16 const nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
  __m512i const kept = _mm512_mask_or_epi32(up, nan, bits, _mm512_set1_epi32(0x400000));
  return _mm512_and_si512(kept, _mm512_set1_epi32(static_cast<int>(0xffff0000u)));
}

/// 32 floats as bfloat16 side by side, and two times 16 as pairs.
inline __m512i side_by_side(__m512 low, __m512 high) {
#if defined(__AVX512BF16__)
  return (__m512i)_mm512_cvtne2ps_pbh(high, low);  // rounds as `rounded` does, but takes what is smaller than 1.2e-38 for zero
#else
  __m256i const first = _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded(low), 16));
  return _mm512_inserti64x4(_mm512_castsi256_si512(first), _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded(high), 16)), 1);
#endif
}
inline __m512i pairs(__m512 low, __m512 high) {
#if defined(__AVX512BF16__) && defined(__AVX512BW__)
  __m512i const counted = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m512i const zipped = _mm512_add_epi32(_mm512_mullo_epi32(counted, _mm512_set1_epi32(0x10001)), _mm512_set1_epi32(0x100000));
  return _mm512_permutexvar_epi16(zipped, side_by_side(low, high));  // from places 0, 16, 1, 17, ...
#else
  return _mm512_or_si512(_mm512_srli_epi32(rounded(low), 16), rounded(high));
#endif
}

/// 16 units of one outer position, from unit u on; of a factor that lies along the depth.
template <class Factor, bool Whole>
inline __m512i units_along(factor const& f, index o, index u, __m512 scale) {
  if (!Whole && o >= f.outer) return _mm512_setzero_si512();
  float const* const from = f.data + o * f.outer_stride + u * per_unit<Factor>;
  index const left = f.depth - u * per_unit<Factor>;
  if constexpr (std::is_same_v<Factor, float>) {
    return _mm512_castps_si512(load<Whole>(from, left, scale));
  } else {
    return side_by_side(load<Whole>(from, left, scale), load<Whole>(from + side, left - side, scale));
  }
}

/// One unit of 16 outer positions, from o on; of a factor that lies along the outer axis.
template <class Factor, bool Whole>
inline __m512i units_across(factor const& f, index o, index u, __m512 scale) {
  auto const row = [&](index d) {
    return Whole || d < f.depth ? load<Whole>(f.data + d * f.depth_stride + o, f.outer - o, scale) : _mm512_setzero_ps();
  };
  if constexpr (std::is_same_v<Factor, float>) {
    return _mm512_castps_si512(row(u));
  } else {
    return pairs(row(2 * u), row(2 * u + 1));
  }
}

}  // namespace detail
#endif

/// The square of units from (o, u) on; `to` takes unit (o + i, u + j) at i * ld + j where ByOuter, else at j * ld + i.
/// Of the first index `rows` are written; all 16 of the second.
template <class Factor, bool ByOuter>
void square(factor const& f, index o, index u, unit* to, index ld, index rows) {
#if defined(__AVX512F__)
  __m512 const scale = _mm512_set1_ps(f.scale);
  __m512i r[side];
  auto const fill = [&]<bool Whole>(std::bool_constant<Whole>) {
    if (f.along_depth()) {
#pragma GCC unroll 16
      for (int i = 0; i < side; ++i) r[i] = detail::units_along<Factor, Whole>(f, o + i, u, scale);
    } else {
#pragma GCC unroll 16
      for (int i = 0; i < side; ++i) r[i] = detail::units_across<Factor, Whole>(f, o, u + i, scale);
    }
  };
  if (o + side <= f.outer && (u + side) * per_unit<Factor> <= f.depth)
    fill(std::true_type{});
  else
    fill(std::false_type{});
  if (f.along_depth() != ByOuter) detail::transpose(r);
#pragma GCC unroll 16
  for (int i = 0; i < side; ++i)
    if (i < rows) _mm512_storeu_si512(to + i * ld, r[i]);
#else
  auto const place = [&](index i, index j) { return to + (ByOuter ? i * ld + j : j * ld + i); };
  index const across = ByOuter ? rows : side, down = ByOuter ? side : rows;
  bool const whole = o + across <= f.outer && (u + down) * per_unit<Factor> <= f.depth;
  for (index i = 0; i < across; ++i)
    for (index j = 0; j < down; ++j) put(place(i, j), whole ? whole_unit<Factor>(f, o + i, u + j) : unit_at<Factor>(f, o + i, u + j));
#endif
}

/// Units of a depth, and as many as panels keep room for: whole squares, so that kernels may read on over zeros.
template <class Factor>
constexpr index units_of(index depth) {
  return (depth + per_unit<Factor> - 1) / per_unit<Factor>;
}
constexpr index padded(index units) { return (units + side - 1) / side * side; }

/// Calls f(o, u) for the squares of a factor, neighbours in memory after each other: pages of distant rows are few at a time.
template <class F>
void each_square(factor const& f, index outer, index units, F const& run) {
  if (f.along_depth()) {
    for (index o = 0; o < outer; o += side)
      for (index u = 0; u < units; u += side) run(o, u);
  } else {
    for (index u = 0; u < units; u += side)
      for (index o = 0; o < outer; o += side) run(o, u);
  }
}

/// The left factor's rows, at most block_units deep. `to` has room for f.outer rows of block_stride.
template <class Factor>
void left(factor const& f, unit* to) {
  each_square(f, f.outer, padded(units_of<Factor>(f.depth)), [&](index o, index u) {
    square<Factor, true>(f, o, u, to + o * block_stride + u, block_stride, std::min(side, f.outer - o));
  });
}

/// Panels of the right factor from its first column on, `room` units apart, units `begin` to `end` of each (multiples of 16); zeros beyond
/// the factor's last column and depth. Columns: a multiple of 16, or 8 or 4.
template <class Factor, index Columns>
void panels(factor const& f, index count, index room, index begin, index end, unit* to) {
  if constexpr (Columns % side == 0) {
    each_square(f, count * Columns, end - begin, [&](index o, index u) {
      square<Factor, false>(f, o, begin + u, to + (o / Columns * room + begin + u) * Columns + o % Columns, Columns, side);
    });
  } else {
    for (index o = 0; o < count * Columns; ++o)
      for (index u = begin; u < end; ++u) put(to + (o / Columns * room + u) * Columns + o % Columns, unit_at<Factor>(f, o, u));
  }
}

}  // namespace SPEARSTORM_NS::backend::packing
