#pragma once
// Floats as integers of the same order, so that they can be bisected, sorted and packed as such.

#include <bit>

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS {

/// l < r as floats where ordered(l) < ordered(r); both zeros are one number. Not for nan.
SPEARSTORM_HD constexpr std::int32_t ordered(float x) {
  auto const bits = std::bit_cast<std::int32_t>(x + 0.0f);  // -0 becomes 0
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

SPEARSTORM_HD constexpr float from_ordered(std::int32_t key) { return std::bit_cast<float>(key ^ ((key >> 31) & 0x7fffffff)); }

}  // namespace SPEARSTORM_NS
