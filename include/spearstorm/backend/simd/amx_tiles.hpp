#pragma once
// Intel's tiles (AMX, Intel 64 manual volume 1 chapter 18): eight registers of 16 rows of 64 bytes that the operating system lends a process.

#include "spearstorm/backend/simd/panel_kernel.hpp"

#if defined(SPEARSTORM_X86_TARGETS) && defined(__linux__) && defined(__LP64__)
#define SPEARSTORM_AMX 1
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace SPEARSTORM_NS::backend::amx {

inline constexpr index tile_rows = 16, tile_bytes = 64;  ///< of a tile: 16 x 16 units

/// What ldtilecfg reads.
struct alignas(64) tile_config {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};
static_assert(sizeof(tile_config) == 64);

/// All eight tiles whole.
constexpr tile_config whole_tiles() {
  tile_config config;
  for (int t = 0; t < 8; ++t) config.row_bytes[t] = tile_bytes, config.rows[t] = tile_rows;
  return config;
}

#if defined(SPEARSTORM_AMX)

/// The instructions themselves. Not by the compilers' intrinsics: there a tile's number must be written out, and those of g++ 12 do not say
/// which memory they read. Written so, they need no `target` attribute, and the kernel can be tested with other tiles.
struct instructions {
  static void configure(tile_config const& config) { asm volatile("ldtilecfg %0" ::"m"(config)); }
  static void release() { asm volatile("tilerelease"); }

  template <int Tile>
  static void zero() {
    asm volatile("tilezero %%tmm%c0" ::"i"(Tile));
  }
  /// Rows `stride` bytes apart.
  template <int Tile>
  static void load(void const* from, index stride) {
    asm volatile("tileloadd (%1,%2,1), %%tmm%c0" ::"i"(Tile), "r"(from), "r"(stride) : "memory");
  }
  template <int Tile>
  static void store(void* to, index stride) {
    asm volatile("tilestored %%tmm%c0, (%1,%2,1)" ::"i"(Tile), "r"(to), "r"(stride) : "memory");
  }
  /// Sums += Left Right, of pairs of bfloat16: Left (row, pair of depths), Right (pair of depths, column).
  template <int Sums, int Left, int Right>
  static void dot() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(Sums), "i"(Left), "i"(Right));
  }
};

/// Whether the processor multiplies tiles of bfloat16 and the system saves them when it switches threads.
inline bool supported() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) return false;                             // xgetbv
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 22 & 1) || !(d >> 24 & 1)) return false;  // amx-bf16, amx-tile
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low >> 17 & 3) == 3;  // the tiles' configuration and data
}

/// Whether this process may use tiles. Asks Linux, which lends them on request only, to the whole process and its later threads.
inline bool allowed() {
  static bool const granted = [] {
    constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA: newer than many headers
    return supported() && syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  }();
  return granted;
}

#endif

}  // namespace SPEARSTORM_NS::backend::amx
