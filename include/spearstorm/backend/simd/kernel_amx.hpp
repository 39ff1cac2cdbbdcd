#pragma once
// The kernel for bfloat16 on AMX. Squares of 16 x 16 units of a left block and of a panel are tiles as they lie: four tiles hold the sums of
// 32 rows and a panel's 32 columns, two the left factor, two the right one.

#include <algorithm>

#include "spearstorm/backend/simd/amx_tiles.hpp"

namespace SPEARSTORM_NS::backend::amx {

/// @tparam Tiles `instructions`, or in tests what does the same
/// @tparam Few a kernel for some rows that would leave tiles nearly empty
template <class Tiles, auto Few>
struct bfloat16_kernel {
  using unit = packing::unit;
  static constexpr index rows = 2 * tile_rows;
  /// Up to so many rows cost AVX-512 about what they cost tiles, and in decoding less than reading the weights: a product of tiles takes 16
  /// cycles whatever rows they have, and 52 until the next one may add to its sums.
  static constexpr index few_rows = 4;
  /// Units that a panel is read in at once: 16 KB of it and as much of 32 rows stay in a first cache of 48 KB, so that only the left factor
  /// comes from the second one, 2 KB in the 64 cycles of four tiles.
  static constexpr index part = 128;

  static panel_kernel entry() { return {"amx_bf16", run, rows, begin, Tiles::release}; }

  static void begin() {
    static constexpr tile_config config = whole_tiles();
    Tiles::configure(config);
  }

  static void run(index count, index units, unit const* a, unit const* b, float* c, index ldc, bool add) {
    if (count <= few_rows) return Few(count, units, a, b, c, ldc, add);
    for (index u = 0; u < units; u += part) block(count, std::min(part, units - u), a + u, b + u * bfloat16_columns, c, ldc, add || u > 0);
  }

 private:
  static void block(index count, index units, unit const* a, unit const* b, float* c, index ldc, bool add) {
    index r = 0;
    for (; r + rows <= count; r += rows) tiles<true>(units, a + r * packing::block_stride, b, c + r * ldc, ldc, add);
    index const left = count - r;
    if (left > tile_rows)
      last<true>(left, units, a + r * packing::block_stride, b, c + r * ldc, ldc, add);
    else if (left > few_rows)
      last<false>(left, units, a + r * packing::block_stride, b, c + r * ldc, ldc, add);
    else if (left > 0)
      Few(left, units, a + r * packing::block_stride, b, c + r * ldc, ldc, add);
  }

  /// Rows that end within a tile: by way of whole tiles, whose other rows come from the left block's old contents and are thrown away.
  template <bool Both>
  static void last(index count, index units, unit const* a, unit const* b, float* c, index ldc, bool add) {
    alignas(64) float space[rows * bfloat16_columns] = {};
    for (index r = 0; add && r < count; ++r) std::copy_n(c + r * ldc, bfloat16_columns, space + r * bfloat16_columns);
    tiles<Both>(units, a, b, space, bfloat16_columns, add);
    for (index r = 0; r < count; ++r) std::copy_n(space + r * bfloat16_columns, bfloat16_columns, c + r * ldc);
  }

  /// 32 rows, or 16.
  template <bool Both>
  static void tiles(index units, unit const* a, unit const* b, float* c, index ldc, bool add) {
    constexpr index size = sizeof(unit), left = packing::block_stride * size, right = bfloat16_columns * size;
    index const out = ldc * size;
    float* const lower = c + tile_rows * ldc;
    if (add) {
      Tiles::template load<0>(c, out), Tiles::template load<1>(c + 16, out);
      if constexpr (Both) Tiles::template load<2>(lower, out), Tiles::template load<3>(lower + 16, out);
    } else {
      Tiles::template zero<0>(), Tiles::template zero<1>();
      if constexpr (Both) Tiles::template zero<2>(), Tiles::template zero<3>();
    }
    for (index u = 0; u < units; u += 16) {  // beyond `units` both factors are zero
      Tiles::template load<6>(b + u * bfloat16_columns, right), Tiles::template load<4>(a + u, left);
      Tiles::template dot<0, 4, 6>();
      Tiles::template load<7>(b + u * bfloat16_columns + 16, right);
      Tiles::template dot<1, 4, 7>();
      if constexpr (Both) {
        Tiles::template load<5>(a + tile_rows * packing::block_stride + u, left);
        Tiles::template dot<2, 5, 6>(), Tiles::template dot<3, 5, 7>();
      }
    }
    Tiles::template store<0>(c, out), Tiles::template store<1>(c + 16, out);
    if constexpr (Both) Tiles::template store<2>(lower, out), Tiles::template store<3>(lower + 16, out);
  }
};

}  // namespace SPEARSTORM_NS::backend::amx
