#pragma once
// Counter-based random numbers (Philox4x32-10, Salmon et al. 2011): a pure function of key and counter, so every backend,
// thread order and repeat draws the same bits. key = seed; counter = (step, stream, example, position / 4).

#include <array>
#include <string_view>

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS {

/// Ten rounds of Philox4x32.
SPEARSTORM_HD constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  std::uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; ++round) {
    std::uint64_t const p0 = std::uint64_t{0xD2511F53u} * c0;
    std::uint64_t const p1 = std::uint64_t{0xCD9E8D57u} * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<std::uint32_t>(p1);
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {c0, c1, c2, c3};
}

/// A stream's number from its name (FNV-1a), e.g. `stream_id("soundstorm/mask")`; `extend` mixes an ordinal or a second name in.
constexpr std::uint32_t stream_id(std::string_view name, std::uint32_t extend = 2166136261u) {
  for (char c : name) extend = (extend ^ static_cast<std::uint8_t>(c)) * 16777619u;
  return extend;
}

/// The draws of one stream at one step. A value type: copying it copies no state, because there is none.
struct random_stream {
  std::uint64_t seed = 0;
  std::uint32_t step = 0;
  std::uint32_t stream = 0;

  /// 32 random bits of (example, position).
  SPEARSTORM_HD constexpr std::uint32_t bits(std::uint32_t example, std::uint32_t position) const {
    auto const block =
        philox({step, stream, example, position >> 2}, {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
    std::uint32_t const lane = position & 3u;  // no indexing by a run-time value: it would put the block into local memory on devices
    return lane == 0 ? block[0] : lane == 1 ? block[1] : lane == 2 ? block[2] : block[3];
  }
  /// Uniform in [0, 1): 24 bits, the same value in float and double.
  SPEARSTORM_HD constexpr float uniform(std::uint32_t example, std::uint32_t position) const {
    return static_cast<float>(bits(example, position) >> 8) * (1.0f / 16777216.0f);
  }
  /// Uniform integer in [0, n), n > 0 (multiply and shift; bias below n / 2^32).
  SPEARSTORM_HD constexpr std::uint32_t below(std::uint32_t n, std::uint32_t example, std::uint32_t position) const {
    return static_cast<std::uint32_t>((std::uint64_t{bits(example, position)} * n) >> 32);
  }
  /// Standard normal by Box-Muller; uses positions 2p and 2p + 1.
  SPEARSTORM_HD float normal(std::uint32_t example, std::uint32_t position) const {
    float const u = 1.0f - uniform(example, 2 * position), v = uniform(example, 2 * position + 1);
    return sqrtf(-2.0f * logf(u)) * cosf(6.28318530717958648f * v);
  }
  /// Gumbel noise -log(-log(u)), at most 16.7.
  SPEARSTORM_HD float gumbel(std::uint32_t example, std::uint32_t position) const {
    return -logf(-logf(inside_unit(bits(example, position))));
  }
  /// 24 bits as a number inside (0, 1): the highest ones and a half would round to 1, whose noise is infinite.
  SPEARSTORM_HD static constexpr float inside_unit(std::uint32_t bits) {
    float const u = (static_cast<float>(static_cast<std::int32_t>(bits >> 8)) + 0.5f) * (1.0f / 16777216.0f);
    return u < 1.0f ? u : 1.0f - 1.0f / 16777216.0f;
  }
};

}  // namespace SPEARSTORM_NS
