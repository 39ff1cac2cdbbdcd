#pragma once
// Several attempts, of which each row keeps its best.

#include <concepts>

#include "spearstorm/token/codes.hpp"

namespace SPEARSTORM_NS::token {

struct best_rows {
  code_array codes;             ///< (batch, frames, levels)
  std::vector<index> attempts;  ///< (batch), which attempt each row is of; of equal scores the first
  std::vector<double> scores;   ///< (batch), its score
};

/// Calls `generate(attempt)` n times and keeps, row by row, the codes that `score(codes of the row, row)` likes best.
/// @param generate gives a code_array (batch, frames, levels), the same sizes each time
/// @param score    a code_array (1, frames, levels) and the row's number in, a number out; higher is better
/// @throws value_error where n is below 1, shape_error where sizes differ, numeric_error where a score is no number
/// @see    SPEAR-TTS (arXiv 2302.03540), which keeps the best of 3 by an estimate of the sound quality
template <std::invocable<index> Generate, std::invocable<code_array const&, index> Score>
best_rows best_of(index n, Generate&& generate, Score&& score) {
  check_range<index>("best_of", "n", n, 1, 1 << 20);
  best_rows best;
  for (index attempt = 0; attempt < n; ++attempt) {
    code_array const made = generate(attempt);
    index const batch = made.extent(0), row_size = made.extent(1) * made.extent(2);
    if (attempt == 0)
      best = {made, std::vector<index>(static_cast<std::size_t>(batch)), std::vector<double>(static_cast<std::size_t>(batch))};
    check_size("best_of", "an attempt", "batch", batch, "the first one", best.codes.extent(0));
    check_size("best_of", "an attempt", "frames", made.extent(1), "the first one", best.codes.extent(1));
    check_size("best_of", "an attempt", "levels", made.extent(2), "the first one", best.codes.extent(2));
    for (index b = 0; b < batch; ++b) {
      auto const* const from = made.data() + b * row_size;
      code_array const row({1, made.extent(1), made.extent(2)}, std::vector<std::int32_t>(from, from + row_size));
      auto const found = static_cast<double>(score(row, b));
      if (std::isnan(found)) fail<numeric_error>("best_of: score of row ", b, " in attempt ", attempt, " is nan, expected a number");
      auto const at = static_cast<std::size_t>(b);
      if (attempt > 0 && found <= best.scores[at]) continue;
      best.scores[at] = found, best.attempts[at] = attempt;
      std::copy(row.begin(), row.end(), best.codes.data() + b * row_size);
    }
  }
  return best;
}

}  // namespace SPEARSTORM_NS::token
