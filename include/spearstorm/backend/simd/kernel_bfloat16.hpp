#pragma once
// The kernels for factors in bfloat16, and which of them this processor runs. All read the same blocks and panels and sum in float.

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "spearstorm/backend/simd/kernel_amx.hpp"
#include "spearstorm/backend/simd/kernel_avx512_bfloat16.hpp"
#include "spearstorm/backend/simd/kernel_float.hpp"
#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::backend {

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

}  // namespace detail

/// The kernels that this processor can run, fastest first.
template <class Arch>
std::vector<panel_kernel> bfloat16_kernels() {
  std::vector<panel_kernel> found;
#if defined(SPEARSTORM_X86_TARGETS)
  if (__builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
#if defined(SPEARSTORM_AMX)
    if (amx::allowed()) found.push_back(amx::bfloat16_kernel<amx::instructions, detail::avx512_bfloat16>::entry());
#endif
    found.push_back({"avx512_bf16", detail::avx512_bfloat16});
  }
#endif
  found.push_back({"portable", detail::portable_bfloat16<Arch>::run});
  return found;
}

/// The first of some kernels, or the one that the environment variable SPEARSTORM_BF16 names.
/// @param wanted the variable's value, or null
/// @throws value_error where it names none of them
inline panel_kernel chosen_kernel(std::vector<panel_kernel> const& known, char const* wanted) {
  if (!wanted) return known.front();
  std::string all;
  for (auto const& kernel : known) {
    if (kernel.name == wanted) return kernel;
    all += (all.empty() ? "" : ", ") + std::string(kernel.name);
  }
  fail<value_error>("SPEARSTORM_BF16 = ", wanted, ", expected one of this processor's kernels: ", all);
}

/// The kernel of this process: the fastest one, or what SPEARSTORM_BF16 names; read once.
/// @throws value_error where it names a kernel that this processor cannot run
template <class Arch>
panel_kernel const& best_bfloat16_kernel() {
  static panel_kernel const chosen = chosen_kernel(bfloat16_kernels<Arch>(), std::getenv("SPEARSTORM_BF16"));
  return chosen;
}

}  // namespace SPEARSTORM_NS::backend
