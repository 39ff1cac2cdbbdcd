#pragma once
// Repetition-aware sampling: a code that stands too often among those before it is drawn again, from all codes.

#include <algorithm>
#include <span>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::token {

/// @see VALL-E 2 (arXiv 2406.05370) section 3.2, where window = 10 and threshold = 0.1
struct repetition_options {
  index window = 0;        ///< codes before that are looked at, K; 0: off
  double threshold = 0.1;  ///< a larger share of them than this is too much. CosyVoice draws again from this share on, so after one of ten
};

/// @throws value_error where window is below 0 or threshold outside [0, 1]
inline void check_repetition(std::string_view function, repetition_options const& options) {
  check_range<index>(function, "repetition.window", options.window, 0, 1 << 20);
  check_range(function, "repetition.threshold", options.threshold, 0.0, 1.0);
}

/// Whether `id` is the code of too many of the last `window` codes before it; where fewer are known, the others count as different.
/// @math (1 / K) |{k : before_k = id}| > threshold
inline bool repeats(std::span<std::int32_t const> before, std::int32_t id, repetition_options const& options) {
  auto const window = static_cast<std::size_t>(options.window);
  auto const seen = before.last(std::min(window, before.size()));
  auto const count = static_cast<double>(std::count(seen.begin(), seen.end(), id));
  return count > options.threshold * static_cast<double>(options.window) + 1e-9;  // 0.1 of 10 is 1
}

}  // namespace SPEARSTORM_NS::token
