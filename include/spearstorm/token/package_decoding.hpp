#pragma once
// Decoding as soundstorm-pytorch does it, without the net: for comparison, faults included (../shared/REFERENCE-FAULTS.md 9 to 11). Each
// pass samples a level and all above it, then masks again the least certain tokens, ranked over all levels together.

#include <limits>
#include <optional>

#include "spearstorm/token/sampling.hpp"
#include "spearstorm/token/unmask.hpp"

namespace SPEARSTORM_NS::token {

/// One pass of `generate`.
struct package_pass {
  index level = 0, step = 0, steps = 1;  ///< the level whose turn it is, and which of its passes
  double annealing = 0;                  ///< what is left of all steps; of a level with one pass (steps - 1) / steps, too
  std::vector<index> mask_again{};       ///< (batch), tokens ranked uncertain

  /// Whether tokens are ranked, and masked again, at all.
  bool ranks() const {
    return std::any_of(mask_again.begin(), mask_again.end(), [](index n) { return n > 0; });
  }
};

/// @param lengths (batch), valid frames of each row
/// @param num_full_sampling_levels levels with `steps` passes, the others have one
inline std::vector<package_pass> package_plan(index levels, index num_full_sampling_levels, index steps, schedule const& of,
                                              std::span<index const> lengths) {
  check_range<index>("package_plan", "levels", levels, 1, 1 << 20);
  check_range<index>("package_plan", "num_full_sampling_levels", num_full_sampling_levels, 0, levels);
  check_range<index>("package_plan", "steps", steps, 1, 1 << 20);
  std::vector<package_pass> plan;
  for (index level = 0; level < levels; ++level) {
    index const passes = level < num_full_sampling_levels ? steps : 1;
    for (index step = 0; step < passes; ++step) {
      package_pass pass{
          .level = level, .step = step, .steps = passes, .annealing = static_cast<double>(steps - 1 - step) / static_cast<double>(steps)};
      for (index n : lengths) pass.mask_again.push_back(level < num_full_sampling_levels ? scheduled_count(of, step, steps, n) : 0);
      plan.push_back(std::move(pass));
    }
  }
  return plan;
}

/// The package's temperature, never below 1e-3.
inline float package_temperature(float start_temperature, package_pass const& pass) {
  return static_cast<float>(std::max(static_cast<double>(start_temperature) * pass.annealing, 1e-3));
}

struct package_choice {
  std::int32_t id = 0;
  float confidence = 0;  ///< its share among the candidates that the filter leaves
};

/// A token for one row of logits and as many Gumbel draws.
/// @math argmax(top_k(logits, filter_thres) / temperature + gumbel)
inline package_choice package_sample(std::span<float const> logits, double filter_thres, float temperature, std::span<float const> gumbel) {
  check_size("package_sample", "gumbel", "vocab", static_cast<index>(gumbel.size()), "logits", static_cast<index>(logits.size()));
  auto const kept = soundstorm_top_k(logits, filter_thres);
  auto noisy = with_temperature(kept, temperature);
  for (std::size_t v = 0; v < noisy.size(); ++v) noisy[v] += gumbel[v];
  auto const id = static_cast<std::int32_t>(std::max_element(noisy.begin(), noisy.end()) - noisy.begin());
  return {id, confidence(kept, id)};
}

/// The same with the draws of gumbel_sample, which takes logarithms of few of them.
inline package_choice package_sample(std::span<float const> logits, double filter_thres, float temperature, random_stream const& stream,
                                     index example, index position) {
  auto const kept = soundstorm_top_k(logits, filter_thres);
  auto const id = gumbel_sample(kept, temperature, stream, example, position);
  return {id, confidence(kept, id)};
}

using score_array = array<float, axes::batch<>, axes::frames<>, axes::levels<>>;

struct package_state {
  decoding_state shown;                  ///< what the net is shown
  masked_array open;                     ///< (batch, frames, levels)  neither prompt nor padding
  masked_array to_sample;                ///< (batch, frames, levels)  what the next pass samples; the package's `mask`
  std::optional<masked_array> ranked{};  ///< (batch, frames, levels)  ranked uncertain before; the package's `prev_mask`
};

/// Everything masked but the prompt. In the package the prompt is never sampled either: `prompt_mask` is a view of `mask`.
inline package_state start_package(decoding_state start) {
  auto open = start.masked;
  return {std::move(start), open, open};
}

/// A pass begins: lower levels are sampled no more.
inline void begin_package_pass(package_state& state, package_pass const& pass) {
  index const levels = state.open.extent(2);
  for (index i = 0; i < state.to_sample.size(); ++i)
    if (i % levels < pass.level) state.to_sample.data()[i] = 0;
}

/// Puts sampled ids where `to_sample` says so. The other ids are not looked at.
/// @shape ids (batch, frames, levels)
inline void put_samples(package_state& state, code_array const& ids) {
  for (index i = 0; i < ids.size(); ++i)
    if (state.to_sample.data()[i]) state.shown.codes.data()[i] = ids.data()[i], state.shown.masked.data()[i] = 0;
}

/// Masks the tokens of the highest scores of each row, of all levels together, of equal ones the first; then all of the levels above the
/// pass's and none of the levels below it. Prompt and padding stay as they are.
/// @param can_mask_prev_unmasked false: only what was ranked uncertain before may be again
/// @shape scores (batch, frames, levels)
inline void mask_again(package_state& state, package_pass const& pass, score_array const& scores, bool can_mask_prev_unmasked,
                       flag_array const& valid) {
  index const batch = scores.extent(0), levels = scores.extent(2), count = scores.extent(1) * levels;
  masked_array uncertain(scores.extents());
  for (index b = 0; b < batch; ++b) {
    std::vector<float> rank(scores.data() + b * count, scores.data() + (b + 1) * count);
    for (index i = 0; i < count; ++i) {
      bool const out =
          !valid.data()[(b * count + i) / levels] || (!can_mask_prev_unmasked && state.ranked && !state.ranked->data()[b * count + i]);
      if (out) rank[static_cast<std::size_t>(i)] = -std::numeric_limits<float>::max();
    }
    std::vector<index> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), index{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](index l, index r) { return rank[static_cast<std::size_t>(l)] > rank[static_cast<std::size_t>(r)]; });
    for (index k = 0; k < pass.mask_again[static_cast<std::size_t>(b)]; ++k)
      uncertain.data()[b * count + order[static_cast<std::size_t>(k)]] = 1;
  }
  if (!can_mask_prev_unmasked) state.ranked = uncertain;
  for (index i = 0; i < uncertain.size(); ++i) {
    index const level = i % levels;
    bool const masked = (level > pass.level || (level == pass.level && uncertain.data()[i])) && state.open.data()[i];
    state.to_sample.data()[i] = state.shown.masked.data()[i] = masked;
    if (masked) state.shown.codes.data()[i] = state.shown.mask_id;
  }
}

}  // namespace SPEARSTORM_NS::token
