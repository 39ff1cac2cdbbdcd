#pragma once
// Choosing a random subset of the valid positions of each row.

#include "spearstorm/core/random.hpp"
#include "spearstorm/token/codes.hpp"

namespace SPEARSTORM_NS::token {

/// How many of a row's positions are chosen.
enum class count_rule {
  exact,      ///< floor(valid * prob), soundstorm-pytorch 0.4.11
  bernoulli,  ///< each position on its own with probability prob, SoundStorm section 3.3
};

struct subset_options {
  index min_mask = 0;       ///< choose at least so many
  index min_keep_mask = 0;  ///< leave at least so many valid positions; wins over min_mask
  count_rule rule = count_rule::exact;
};

/// The number to choose of `total` valid positions when the rule asks for `wanted`.
constexpr index subset_count(index total, index wanted, index min_mask, index min_keep_mask) {
  return std::min(std::max(wanted, min_mask), std::max<index>(total - min_keep_mask, 0));
}

/// floor(total * prob); the product is a float32, as in the package.
inline index exact_count(index total, float prob) { return static_cast<index>(static_cast<float>(total) * prob); }

/// Flags a random subset of the positions where mask holds, prob[b] of row b. Each subset of the chosen number is equally likely:
/// every position draws a number, and the smallest win (what the package's double argsort does). Both rules read the same numbers.
/// Row b is example first_example + b of the stream, frame t its position t: a row's draw does not depend on its batch.
/// @shape mask (batch, frames)  prob (batch)  returns (batch, frames)
/// @throws shape_error where prob has another batch, value_error where a probability lies outside [0, 1] or a minimum is negative
inline flag_array get_mask_subset_prob(flag_array const& mask, std::span<float const> prob, subset_options const& options,
                                       random_stream const& stream, index first_example) {
  constexpr std::string_view here = "get_mask_subset_prob";
  index const batch = mask.extent(0), frames = mask.extent(1);
  check_size(here, "prob", "batch", static_cast<index>(prob.size()), "mask", batch);
  if (options.min_mask < 0) fail<value_error>(here, ": min_mask = ", options.min_mask, ", expected 0 or more");
  if (options.min_keep_mask < 0) fail<value_error>(here, ": min_keep_mask = ", options.min_keep_mask, ", expected 0 or more");

  flag_array chosen(mask.extents());
  struct draw {
    std::uint32_t bits;
    index frame;
  };
  std::vector<draw> draws;
  for (index b = 0; b < batch; ++b) {
    float const p = prob[static_cast<std::size_t>(b)];
    check_range(here, "prob", p, 0.0f, 1.0f);
    draws.clear();
    index below = 0;
    for (index t = 0; t < frames; ++t) {
      if (!mask.data()[b * frames + t]) continue;
      draws.push_back({stream.bits(static_cast<std::uint32_t>(first_example + b), static_cast<std::uint32_t>(t)), t});
      below += static_cast<double>(draws.back().bits) < static_cast<double>(p) * 4294967296.0;
    }
    index const total = static_cast<index>(draws.size());
    index const wanted = options.rule == count_rule::exact ? exact_count(total, p) : below;
    index const count = subset_count(total, wanted, options.min_mask, options.min_keep_mask);
    std::nth_element(draws.begin(), draws.begin() + count, draws.end(),
                     [](draw const& l, draw const& r) { return l.bits != r.bits ? l.bits < r.bits : l.frame < r.frame; });
    for (index i = 0; i < count; ++i) chosen.data()[b * frames + draws[static_cast<std::size_t>(i)].frame] = 1;
  }
  return chosen;
}

/// The same probability for every row.
inline flag_array get_mask_subset_prob(flag_array const& mask, float prob, subset_options const& options, random_stream const& stream,
                                       index first_example) {
  return get_mask_subset_prob(mask, std::vector<float>(static_cast<std::size_t>(mask.extent(0)), prob), options, stream, first_example);
}

}  // namespace SPEARSTORM_NS::token
