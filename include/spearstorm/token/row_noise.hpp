#pragma once
// Gumbel noise for a whole row of logits: all bits of a block of counters at once, and estimates of the noise by which all but a few tokens
// are ruled out, so that exact logarithms are taken of those alone. Loops are written for SIMD.

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "spearstorm/core/random.hpp"
#include "spearstorm/token/row_order.hpp"

namespace SPEARSTORM_NS::token::detail {

/// stream.bits(example, p) for the 64 positions p from 4 * block on: 16 counters side by side.
inline void draw_64(random_stream const& stream, std::uint32_t example, std::uint32_t block, std::uint32_t* to) {
  constexpr std::size_t n = 16;
  std::uint32_t words[4][n];
  auto const low = static_cast<std::uint32_t>(stream.seed), high = static_cast<std::uint32_t>(stream.seed >> 32);
  for (std::size_t i = 0; i < n; ++i) {
    auto const made = philox({stream.step, stream.stream, example, block + static_cast<std::uint32_t>(i)}, {low, high});
    words[0][i] = made[0], words[1][i] = made[1], words[2][i] = made[2], words[3][i] = made[3];
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t word = 0; word < 4; ++word) to[4 * i + word] = words[word][i];
}

/// log of a normal number above 0, within 1e-6 of its value.
/// @see Cephes: logf
inline float rough_log(float x) {
  auto const bits = std::bit_cast<std::int32_t>(x);
  std::int32_t const exponent = (bits - 0x3f3504f3) >> 23;  // so that the rest lies in [sqrt(1/2), sqrt(2))
  float const f = std::bit_cast<float>(bits - exponent * 0x800000) - 1.0f, square = f * f;
  float y = 7.0376836292e-2f;
  y = y * f - 1.1514610310e-1f;
  y = y * f + 1.1676998740e-1f;
  y = y * f - 1.2420140846e-1f;
  y = y * f + 1.4249322787e-1f;
  y = y * f - 1.6668057665e-1f;
  y = y * f + 2.0000714765e-1f;
  y = y * f - 2.4999993993e-1f;
  y = y * f + 3.3333331174e-1f;
  return f + (y * f * square - 0.5f * square) + static_cast<float>(exponent) * 0.693147181f;
}

/// random_stream::gumbel from its bits, within 1e-4.
inline float rough_gumbel(std::uint32_t bits) { return -rough_log(0.0f - rough_log(random_stream::inside_unit(bits))); }

/// The first v with the largest row[v] + gumbel(example, position + v), where row[v] is above -inf.
/// @math only v with estimate_v >= max estimate - 2 (error of an estimate) can win; estimates are rounded as the sums are
inline std::int32_t noisy_argmax(std::vector<float> const& row, random_stream const& stream, std::uint32_t example,
                                 std::uint32_t position) {
  constexpr float removed = -std::numeric_limits<float>::infinity();
  std::size_t const before = position % 4, size = row.size(), blocks = (before + size + row_block - 1) / row_block;
  std::vector<float> estimates(blocks * row_block, removed);
  std::copy(row.begin(), row.end(), estimates.begin() + static_cast<std::ptrdiff_t>(before));
  std::int32_t most = std::numeric_limits<std::int32_t>::min();
  for (std::size_t b = 0; b < blocks; ++b) {
    std::uint32_t bits[row_block];
    float* const to = estimates.data() + b * row_block;
    draw_64(stream, example, position / 4 + static_cast<std::uint32_t>(b * row_block / 4), bits);
    for (std::size_t v = 0; v < row_block; ++v) to[v] += rough_gumbel(bits[v]);  // -inf stays, whatever the noise
    for (std::size_t v = 0; v < row_block; ++v) most = std::max(most, ordered(to[v]));
  }
  float const highest = from_ordered(most);
  bool const estimated = highest < std::numeric_limits<float>::infinity() && highest > removed;
  float const bound = estimated ? highest - (1e-3f + 1e-6f * std::fabs(highest)) : removed;
  std::int32_t best = -1;
  float best_value = removed;
  for (std::size_t v = 0; v < size; ++v) {
    if (!(estimates[before + v] >= bound)) continue;
    float const value = row[v] == removed ? removed : row[v] + stream.gumbel(example, position + static_cast<std::uint32_t>(v));
    if (best < 0 || value > best_value) best = static_cast<std::int32_t>(v), best_value = value;
  }
  return best;
}

}  // namespace SPEARSTORM_NS::token::detail
