#pragma once
// What multiplies a left block by a right panel, and how the driver calls it.

#include <string_view>

#include "spearstorm/backend/simd/packing.hpp"

#if (defined(__x86_64__) || defined(_M_X64)) && (defined(__GNUC__) || defined(__clang__))
#define SPEARSTORM_X86_TARGETS 1  // kernels may use instructions that the rest of the program is not compiled for
#include <immintrin.h>
#endif

namespace SPEARSTORM_NS::backend {

inline constexpr index bfloat16_columns = 32;  ///< of a panel, for every kernel of bfloat16

/// C (rows, columns of a panel) (+)= rows of a left block times a right panel, `units` deep: whatever `packing` wrote. Left block and panel
/// may be read up to the next multiple of 16 units, where they hold zeros, and the left block up to the next multiple of `together` rows,
/// where it holds anything.
struct panel_kernel {
  std::string_view name;
  void (*run)(index rows, index units, packing::unit const* a, packing::unit const* b, float* c, index ldc, bool add);
  index together = 12;        ///< rows: with multiples of so many it wastes nothing
  void (*begin)() = nullptr;  ///< to be called by a thread before its first calls of `run`, where given
  void (*end)() = nullptr;    ///< and after its last ones
  /// A single row times two panels, `apart` units from each other, where given: the bits of two calls of `run`, whose few sums would each
  /// wait for themselves.
  void (*one_row)(index units, packing::unit const* a, packing::unit const* b, index apart, float* c, bool add) = nullptr;
};

/// While it lives this thread may call the kernel.
class kernel_in_use {
 public:
  explicit kernel_in_use(panel_kernel const& kernel) : end_(kernel.end) {
    if (kernel.begin) kernel.begin();
  }
  kernel_in_use(kernel_in_use const&) = delete;
  kernel_in_use& operator=(kernel_in_use const&) = delete;
  ~kernel_in_use() {
    if (end_) end_();
  }

 private:
  void (*end_)();
};

}  // namespace SPEARSTORM_NS::backend
