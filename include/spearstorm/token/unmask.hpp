#pragma once
// Decoding (SoundStorm section 4.1) without the net: which level each pass guesses, and which guesses it keeps.

#include <cmath>
#include <numeric>

#include "spearstorm/token/codes.hpp"
#include "spearstorm/token/schedule.hpp"

namespace SPEARSTORM_NS::token {

using confidence_array = array<float, axes::batch<>, axes::frames<>>;
using masked_array = array<flag, axes::batch<>, axes::frames<>, axes::levels<>>;

/// One pass through the net.
struct decode_pass {
  index level = 0;        ///< the level it guesses; every level above is masked
  index step = 0;         ///< which pass of that level it is
  index steps = 1;        ///< of how many
  bool greedy = false;    ///< take the most likely codes, do not sample
  index keep_masked = 0;  ///< tokens of the level still masked afterwards, in a row whose every frame was masked
};

struct decode_plan {
  std::vector<decode_pass> passes;
  token::schedule schedule;

  /// Tokens still masked after a pass in each row, given how many its level had masked before its first pass (prompts and padding
  /// are not masked).
  /// @shape totals (batch)  returns (batch)
  std::vector<index> keep_masked(decode_pass const& pass, std::span<index const> totals) const {
    std::vector<index> keep;
    for (index total : totals) keep.push_back(masked_count(schedule, pass.step, pass.steps, total));
    return keep;
  }
};

/// The paper's passes for each level: 16 for the first, one for each other.
inline std::vector<index> paper_steps(index levels, index first = 16) {
  check_range<index>("paper_steps", "levels", levels, 1, 1 << 20);
  std::vector<index> steps(static_cast<std::size_t>(levels), 1);
  steps.front() = first;
  return steps;
}

/// Level after level, coarse to fine; a level with one pass is decoded greedily. 12 levels with paper_steps make 27 passes.
/// @throws shape_error where steps has another number of levels, value_error where one of them is below 1
/// @see SoundStorm section 4.1
inline decode_plan paper_plan(index levels, index frames, std::span<index const> steps, token::schedule of = cosine_schedule) {
  check_size("paper_plan", "steps", "levels", static_cast<index>(steps.size()), "plan", levels);
  decode_plan plan{.passes = {}, .schedule = std::move(of)};
  for (index level = 0; level < levels; ++level) {
    index const n = steps[static_cast<std::size_t>(level)];
    check_range<index>("paper_plan", "steps", n, 1, 1 << 20);
    std::vector<index> const keep = masked_counts(plan.schedule, n, frames);
    for (index step = 0; step < n; ++step)
      plan.passes.push_back(
          {.level = level, .step = step, .steps = n, .greedy = n == 1, .keep_masked = keep[static_cast<std::size_t>(step)]});
  }
  return plan;
}
inline decode_plan paper_plan(index levels, index frames) { return paper_plan(levels, frames, paper_steps(levels)); }

/// The flags of the keep_masked least confident frames among those still masked; of equally confident ones, the earlier. Frames that
/// are not masked (fixed, prompt, padding) are never flagged, and their confidence is not looked at.
/// @shape confidence (frames)  still_masked (frames)  returns (frames)
/// @throws shape_error where the lengths differ, value_error where keep_masked exceeds the number still masked,
///         numeric_error where a confidence that counts is no number
inline std::vector<flag> choose_next(std::span<float const> confidence, std::span<flag const> still_masked, index keep_masked) {
  constexpr std::string_view here = "choose_next";
  check_size(here, "confidence", "frames", static_cast<index>(confidence.size()), "still_masked", static_cast<index>(still_masked.size()));
  std::vector<std::size_t> open;
  for (std::size_t t = 0; t < still_masked.size(); ++t) {
    if (!still_masked[t]) continue;
    if (std::isnan(confidence[t])) fail<numeric_error>(here, ": confidence of frame ", t, " is nan, expected a number");
    open.push_back(t);
  }
  check_range<index>(here, "keep_masked", keep_masked, 0, static_cast<index>(open.size()));
  std::stable_sort(open.begin(), open.end(), [&](std::size_t l, std::size_t r) { return confidence[l] < confidence[r]; });
  std::vector<flag> keep(still_masked.size(), 0);
  for (index i = 0; i < keep_masked; ++i) keep[open[static_cast<std::size_t>(i)]] = 1;
  return keep;
}

/// Codes on their way: the mask id where something is still to be guessed, or padded.
struct decoding_state {
  code_array codes;     ///< (batch, frames, levels)
  masked_array masked;  ///< (batch, frames, levels)  1 where a pass must still choose a code
  std::int32_t mask_id = 0;
};

/// Everything masked but the prompt; padded frames hold the mask id and are never chosen.
/// A prompt may have fewer frames than the codes, another length in each row, and fewer levels: its missing levels are guessed.
/// @shape valid (batch, frames)  prompt (batch, prompt frames, prompt levels)  lengths (batch), or empty: all frames of the prompt
/// @throws shape_error where prompt has another batch or more frames or levels, value_error where it holds an id outside
///         [0, codebook_size), a length exceeds its frames, or it covers a padded frame
inline decoding_state start_decoding(flag_array const& valid, index levels, index codebook_size, code_array const& prompt = {},
                                     std::span<index const> lengths = {}) {
  constexpr std::string_view here = "start_decoding";
  detail::check_codebook(here, codebook_size);
  check_range<index>(here, "levels", levels, 1, 1 << 20);
  index const batch = valid.extent(0), frames = valid.extent(1), prompt_frames = prompt.extent(1), prompt_levels = prompt.extent(2);
  decoding_state state{.codes = code_array({batch, frames, levels}, mask_id(codebook_size)),
                       .masked = masked_array({batch, frames, levels}),
                       .mask_id = mask_id(codebook_size)};
  for (index i = 0; i < state.masked.size(); ++i) state.masked.data()[i] = valid.data()[i / levels] != 0;
  if (prompt.size() == 0) return state;

  check_size(here, "prompt", "batch", prompt.extent(0), "valid", batch);
  if (prompt_frames > frames) fail<shape_error>(here, ": prompt has frames = ", prompt_frames, ", expected at most ", frames);
  if (prompt_levels > levels) fail<shape_error>(here, ": prompt has levels = ", prompt_levels, ", expected at most ", levels);
  std::vector<index> const all(static_cast<std::size_t>(batch), prompt_frames);
  if (lengths.empty()) lengths = all;
  check_size(here, "lengths", "batch", static_cast<index>(lengths.size()), "prompt", batch);
  flag_array const given = valid_frames(lengths, prompt_frames);
  check_codes(here, prompt, codebook_size, given);
  for (index b = 0; b < batch; ++b)
    for (index t = 0; t < lengths[static_cast<std::size_t>(b)]; ++t) {
      if (!valid(b, t)) fail<value_error>(here, ": prompt covers frame ", t, " of example ", b, ", which is padded");
      for (index l = 0; l < prompt_levels; ++l) state.codes(b, t, l) = prompt(b, t, l), state.masked(b, t, l) = 0;
    }
  return state;
}

/// The frames of one level that are still masked.
/// @shape returns (batch, frames)
inline flag_array masked_at(decoding_state const& state, index level) {
  index const levels = state.codes.extent(2);
  check_range<index>("masked_at", "level", level, 0, levels - 1);
  flag_array at({state.codes.extent(0), state.codes.extent(1)});
  for (index i = 0; i < at.size(); ++i) at.data()[i] = state.masked.data()[i * levels + level];
  return at;
}

/// How many frames of each row are still masked at a level: before its first pass, what decode_plan::keep_masked asks for.
inline std::vector<index> masked_totals(decoding_state const& state, index level) {
  flag_array const at = masked_at(state, level);
  index const frames = at.extent(1);
  std::vector<index> totals;
  for (index b = 0; b < at.extent(0); ++b)
    totals.push_back(std::accumulate(at.data() + b * frames, at.data() + (b + 1) * frames, index{0}));
  return totals;
}

/// Fixes the most confident guesses of a level and leaves keep[b] of row b masked. Nothing else changes.
/// @shape sampled (batch, frames)  confidence (batch, frames)  keep (batch)
/// @throws shape_error where a size differs, value_error where a guess that is kept lies outside the codebook, else as choose_next
inline decoding_state unmask(decoding_state state, index level, id_array const& sampled, confidence_array const& confidence,
                             std::span<index const> keep) {
  constexpr std::string_view here = "unmask";
  index const batch = state.codes.extent(0), frames = state.codes.extent(1), levels = state.codes.extent(2);
  check_size(here, "sampled", "batch", sampled.extent(0), "codes", batch);
  check_size(here, "sampled", "frames", sampled.extent(1), "codes", frames);
  check_size(here, "confidence", "batch", confidence.extent(0), "codes", batch);
  check_size(here, "confidence", "frames", confidence.extent(1), "codes", frames);
  check_size(here, "keep", "batch", static_cast<index>(keep.size()), "codes", batch);
  flag_array const masked = masked_at(state, level);
  for (index b = 0; b < batch; ++b) {
    auto const row = static_cast<std::size_t>(b * frames), length = static_cast<std::size_t>(frames);
    std::vector<flag> const next =
        choose_next(confidence.values().subspan(row, length), masked.values().subspan(row, length), keep[static_cast<std::size_t>(b)]);
    for (index t = 0; t < frames; ++t) {
      index const at = b * frames + t;
      if (!masked.data()[at] || next[static_cast<std::size_t>(t)]) continue;
      std::int32_t const id = sampled.data()[at];
      if (id < 0 || id >= state.mask_id)
        fail<value_error>(here, ": sampled of example ", b, ", frame ", t, ", level ", level, " is ", id, ", expected 0 to ",
                          state.mask_id - 1);
      state.codes.data()[at * levels + level] = id;
      state.masked.data()[at * levels + level] = 0;
    }
  }
  return state;
}

}  // namespace SPEARSTORM_NS::token
