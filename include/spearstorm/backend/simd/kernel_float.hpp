#pragma once
// C (rows, columns) (+)= left block times right panel, in float: the sums of 12 rows and two batches stay in registers.

#include "spearstorm/backend/simd/fused_multiply_add.hpp"
#include "spearstorm/backend/simd/panel_kernel.hpp"

namespace SPEARSTORM_NS::backend::detail {

template <class Arch>
struct float_kernel {
  using factor_type = float;
  using batch = xsimd::batch<float, Arch>;
  static constexpr int width = static_cast<int>(batch::size);
  static constexpr index columns = 2 * width;        ///< of a panel
  static constexpr int rows = width == 16 ? 12 : 6;  ///< 24 of 32 registers hold sums, or 12 of 16

  /// `a` has rows block_stride apart, or `stride` apart where given.
  template <int Rows, index Stride = packing::block_stride>
  static void tile(index depth, float const* a, float const* b, float* c, index ldc, bool add) {
    batch sums[Rows][2];
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) sums[r][0] = sums[r][1] = batch(0.0f);
    for (index d = 0; d < depth; ++d) {
      batch const w0 = batch::load_aligned(b + d * columns), w1 = batch::load_aligned(b + d * columns + width);
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) {
        batch const x(a[r * Stride + d]);
        sums[r][0] = fused_multiply_add(x, w0, sums[r][0]);
        sums[r][1] = fused_multiply_add(x, w1, sums[r][1]);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      float* const to = c + r * ldc;
      if (add) {
        sums[r][0] = sums[r][0] + batch::load_unaligned(to);
        sums[r][1] = sums[r][1] + batch::load_unaligned(to + width);
      }
      sums[r][0].store_unaligned(to);
      sums[r][1].store_unaligned(to + width);
    }
  }

  /// Any number of rows: in twelves, then in fours, twos and ones.
  template <index Stride = packing::block_stride>
  static void block(index count, index depth, float const* a, float const* b, float* c, index ldc, bool add) {
    index r = 0;
    auto const step = [&]<int Rows>(std::integral_constant<int, Rows>) {
      for (; r + Rows <= count; r += Rows) tile<Rows, Stride>(depth, a + r * Stride, b, c + r * ldc, ldc, add);
    };
    step(std::integral_constant<int, rows>{});
    if constexpr (rows > 8) step(std::integral_constant<int, 8>{});
    step(std::integral_constant<int, 4>{});
    step(std::integral_constant<int, 2>{});
    step(std::integral_constant<int, 1>{});
  }

  static void run(index count, index units, packing::unit const* a, packing::unit const* b, float* c, index ldc, bool add) {
    block(count, units, reinterpret_cast<float const*>(a), reinterpret_cast<float const*>(b), c, ldc, add);
  }
  static void one_row(index units, packing::unit const* a, packing::unit const* first, index apart, float* c, bool add) {
    auto const* const x = reinterpret_cast<float const*>(a);
    auto const* const b = reinterpret_cast<float const*>(first);
    batch sums[4];
    for (auto& sum : sums) sum = batch(0.0f);
    for (index d = 0; d < units; ++d) {
      batch const row(x[d]);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i)
        sums[i] = fused_multiply_add(row, batch::load_aligned(b + (i / 2) * apart + d * columns + i % 2 * width), sums[i]);
    }
    for (int i = 0; i < 4; ++i) {
      float* const to = c + i * width;
      (add ? sums[i] + batch::load_unaligned(to) : sums[i]).store_unaligned(to);
    }
  }
  static constexpr panel_kernel entry{.name = "float", .run = run, .one_row = one_row};
};

}  // namespace SPEARSTORM_NS::backend::detail
