#pragma once
// AMX as the Intel 64 manual describes it (volume 2, LDTILECFG to TILEZERO and TDPBF16PS, palette 1), for machines that have none.

#include <atomic>
#include <cmath>
#include <cstring>

#include "spearstorm/backend/simd/amx_tiles.hpp"

namespace test {

/// The tiles of one thread. What a processor would fault on is noted, not done.
struct tile_registers {
  using index = spearstorm::index;
  static inline std::atomic<char const*> fault = nullptr;  ///< the last one of any thread
  static inline std::atomic<int> in_use = 0;               ///< threads with configured tiles

  bool configured = false;
  int rows[8] = {}, row_bytes[8] = {};
  alignas(64) std::uint32_t units[8][16][16] = {};

  static tile_registers& of_this_thread() {
    thread_local constinit tile_registers mine;
    return mine;
  }

  void configure(spearstorm::backend::amx::tile_config const& config) {
    if (config.palette > 1) return note("ldtilecfg: unknown palette");
    for (auto const byte : config.reserved)
      if (byte) return note("ldtilecfg: a reserved byte is not zero");
    for (int t = 0; t < 16; ++t) {
      bool const exists = t < 8;
      if (config.rows[t] > (exists ? 16 : 0) || config.row_bytes[t] > (exists ? 64 : 0)) return note("ldtilecfg: too large a tile");
      if ((config.rows[t] == 0) != (config.row_bytes[t] == 0)) return note("ldtilecfg: rows without bytes, or bytes without rows");
    }
    release();
    if (config.palette == 0) return;
    if (config.start_row != 0) return note("ldtilecfg: these tiles know of no interrupted load");
    configured = true, ++in_use;
    for (int t = 0; t < 8; ++t) rows[t] = config.rows[t], row_bytes[t] = config.row_bytes[t];
  }
  void release() {
    if (configured) --in_use;
    configured = false;
    for (int t = 0; t < 8; ++t) rows[t] = row_bytes[t] = 0;
    std::memset(units, 0, sizeof units);
  }

  void zero(int t) {
    if (valid(t)) std::memset(units[t], 0, sizeof units[t]);
  }
  void load(int t, void const* from, index stride) {
    if (!valid(t)) return;
    zero(t);
    for (int r = 0; r < rows[t]; ++r)
      std::memcpy(units[t][r], static_cast<char const*>(from) + r * stride, static_cast<std::size_t>(row_bytes[t]));
  }
  void store(int t, void* to, index stride) {
    if (!valid(t)) return;
    for (int r = 0; r < rows[t]; ++r) std::memcpy(static_cast<char*>(to) + r * stride, units[t][r], static_cast<std::size_t>(row_bytes[t]));
  }

  /// tdpbf16ps: even and odd depths are summed apart by fused steps, then added to each other and to `sums`.
  void dot(int sums, int left, int right) {
    if (sums == left || sums == right || left == right) return note("tdpbf16ps: one tile twice");
    if (!valid(sums) || !valid(left) || !valid(right)) return;
    if (rows[sums] != rows[left] || row_bytes[left] / 4 != rows[right] || row_bytes[sums] != row_bytes[right])
      return note("tdpbf16ps: tiles that do not fit together");
    for (int m = 0; m < rows[sums]; ++m)
      for (int n = 0; n < row_bytes[sums] / 4; ++n) {
        float even = 0, odd = 0;
        for (int k = 0; k < row_bytes[left] / 4; ++k) {
          std::uint32_t const l = units[left][m][k], r = units[right][k][n];
          even = flushed(std::fma(wide(l << 16), wide(r << 16), even));
          odd = flushed(std::fma(wide(l & 0xffff0000u), wide(r & 0xffff0000u), odd));
        }
        float const both = flushed(even + odd);
        units[sums][m][n] = std::bit_cast<std::uint32_t>(flushed(wide(units[sums][m][n]) + both));
      }
  }

 private:
  static void note(char const* what) { fault = what; }
  static float flushed(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x; }
  static float wide(std::uint32_t bits) { return flushed(std::bit_cast<float>(bits)); }
  bool valid(int t) const {
    if (!configured) return note("no tiles are configured"), false;
    if (t < 0 || t >= 8 || rows[t] == 0) return note("the tile is not configured"), false;
    if (row_bytes[t] % 4 != 0) return note("the tile's rows are no whole units"), false;
    return true;
  }
};

/// In place of `amx::instructions`.
struct emulated_tiles {
  using index = spearstorm::index;
  static tile_registers& tiles() { return tile_registers::of_this_thread(); }
  static void configure(spearstorm::backend::amx::tile_config const& config) { tiles().configure(config); }
  static void release() { tiles().release(); }
  template <int Tile>
  static void zero() {
    tiles().zero(Tile);
  }
  template <int Tile>
  static void load(void const* from, index stride) {
    tiles().load(Tile, from, stride);
  }
  template <int Tile>
  static void store(void* to, index stride) {
    tiles().store(Tile, to, stride);
  }
  template <int Sums, int Left, int Right>
  static void dot() {
    tiles().dot(Sums, Left, Right);
  }
};

}  // namespace test
