#pragma once
// The training task of SoundStorm (section 3.3): of a batch of codes, what the net is shown and what it must guess.

#include "spearstorm/token/mask_subset.hpp"
#include "spearstorm/token/schedule.hpp"

namespace SPEARSTORM_NS::token {

struct mask_options {
  token::schedule schedule = cosine_schedule;  ///< the paper's; soundstorm-pytorch's default is linear_schedule
  count_rule rule = count_rule::exact;         ///< soundstorm-pytorch; the paper's is bernoulli
  index min_mask = 1;                          ///< tokens masked at least in each example; soundstorm-pytorch
  bool prompt = true;                          ///< draw a prompt length; false: no prompt
  bool per_example = true;                     ///< prompt, level and coins for each example; false: once per batch, soundstorm-pytorch
  float no_replace_prob = 0.15f;               ///< share of the chosen tokens that the net is shown as they are; soundstorm-pytorch
  float random_token_prob = 0.1f;              ///< share of the others that it is shown as a random code; soundstorm-pytorch
  float coin_prob = 0.5f;                      ///< chance that each of these two happens at all; soundstorm-pytorch's coin_flip
  bool replaced_in_loss = true;                ///< tokens shown as they are or as random stay in the loss; false: soundstorm-pytorch
  std::vector<float> level_weights{};          ///< how often each level is drawn, up to a factor; empty: all alike, as in the paper
};

/// One draw. At the chosen frames of its level an example is shown the mask id, except where `kept` or `randomized`.
struct drawn_mask {
  std::vector<index> prompt;  ///< (batch)  first frame that may be masked: all levels of the frames before it are shown
  std::vector<index> level;   ///< (batch)  levels below it are shown, levels above it are masked behind the prompt
  code_array input;           ///< (batch, frames, levels)  what the net is shown; the mask id at padded frames
  id_array target;            ///< (batch, frames)  the level's true codes; the mask id at padded frames
  flag_array target_mask;     ///< (batch, frames)  positions of the level that enter the loss
  flag_array kept;            ///< (batch, frames)  chosen, shown as they are
  flag_array randomized;      ///< (batch, frames)  chosen, shown as a random code
};

namespace detail {
/// A stream of its own for each kind of draw.
inline random_stream named(random_stream stream, std::string_view name) {
  stream.stream = stream_id(name, stream.stream);
  return stream;
}

/// The frame of row b at which `prompt` valid frames lie behind it.
inline index frame_of(flag_array const& valid, index b, index prompt) {
  index const frames = valid.extent(1);
  for (index t = 0; t < frames; ++t)
    if (valid.data()[b * frames + t] && prompt-- == 0) return t;
  return 0;  // a row without a valid frame
}
}  // namespace detail

/// The prompt of each row: uniform in {0, ..., valid frames - 1}, so at least one frame is left; 0 in a row of padding only.
/// Departs from soundstorm-pytorch, which stops one earlier and raises on a row with one valid frame.
inline std::vector<index> draw_prompts(flag_array const& valid, bool per_example, random_stream const& stream, index first_example) {
  index const batch = valid.extent(0), frames = valid.extent(1);
  std::vector<index> lengths, prompts;
  for (index b = 0; b < batch; ++b)
    lengths.push_back(frames - std::count(valid.data() + b * frames, valid.data() + (b + 1) * frames, flag{0}));
  index shortest = 0;
  for (index length : lengths)
    if (length > 0) shortest = shortest == 0 ? length : std::min(shortest, length);
  for (index b = 0; b < batch; ++b) {
    auto const n = static_cast<std::uint32_t>(per_example ? lengths[static_cast<std::size_t>(b)] : shortest);
    auto const example = static_cast<std::uint32_t>(per_example ? first_example + b : 0);
    prompts.push_back(detail::frame_of(valid, b, n == 0 ? 0 : stream.below(n, example, 0)));
  }
  return prompts;
}

namespace detail {
/// The level at which the running share of the weights passes u.
inline index level_at(std::span<float const> weights, index levels, float u) {
  double total = 0;
  for (float w : weights) total += static_cast<double>(w);
  double rest = static_cast<double>(u) * total;
  for (index level = 0; level < levels; ++level) {
    rest -= static_cast<double>(weights[static_cast<std::size_t>(level)]);
    if (rest < 0) return level;
  }
  index last = levels - 1;  // u rounded up to 1
  while (weights[static_cast<std::size_t>(last)] == 0) --last;
  return last;
}
inline void check_level_weights(std::string_view function, std::span<float const> weights, index levels) {
  if (weights.empty()) return;
  check_size(function, "level_weights", "levels", static_cast<index>(weights.size()), "codes", levels);
  float most = 0;
  for (float w : weights) {
    if (!(w >= 0)) fail<value_error>(function, ": level_weights holds ", w, ", expected 0 or more");
    most = std::max(most, w);
  }
  if (most == 0) fail<value_error>(function, ": level_weights are all 0, expected one above 0");
}

/// The frames that may be masked at all: valid, and behind what is always shown.
inline flag_array maskable(std::string_view function, flag_array const& valid, std::span<index const> shown) {
  flag_array open = valid;
  if (shown.empty()) return open;
  index const batch = valid.extent(0), frames = valid.extent(1);
  check_size(function, "prompt_frames", "batch", static_cast<index>(shown.size()), "codes", batch);
  for (index b = 0; b < batch; ++b) {
    index const n = shown[static_cast<std::size_t>(b)];
    check_range<index>(function, "prompt_frames", n, 0, frames);
    std::fill_n(open.data() + b * frames, n, flag{0});
  }
  return open;
}
}  // namespace detail

/// Draws a prompt, a level and the masked frames for each example, and what the net is shown. The codes given never change.
/// Every draw is a function of stream and example first_example + row; draws once per batch are those of example 0, on all ranks.
/// @param prompt_frames (batch), frames at each row's start that are always shown; the drawn prompt lies behind them. Empty: none
/// @shape codes (batch, frames, levels)  valid (batch, frames)
/// @throws shape_error where valid differs from codes or codes have no level, value_error where an id of a valid frame lies outside
///         [0, codebook_size) or an option lies outside its range
/// @see SoundStorm section 3.3
inline drawn_mask draw_mask(code_array const& codes, flag_array const& valid, index codebook_size, mask_options const& options,
                            random_stream const& stream, index first_example, std::span<index const> prompt_frames = {}) {
  constexpr std::string_view here = "draw_mask";
  index const batch = codes.extent(0), frames = codes.extent(1), levels = codes.extent(2);
  if (levels < 1) fail<shape_error>(here, ": codes has levels = 0, expected 1 or more");
  check_codes(here, codes, codebook_size, valid, first_example);
  check_range(here, "no_replace_prob", options.no_replace_prob, 0.0f, 1.0f);
  check_range(here, "random_token_prob", options.random_token_prob, 0.0f, 1.0f);
  check_range(here, "coin_prob", options.coin_prob, 0.0f, 1.0f);
  detail::check_level_weights(here, options.level_weights, levels);

  drawn_mask drawn;
  flag_array open = detail::maskable(here, valid, prompt_frames);
  if (options.prompt)
    drawn.prompt = draw_prompts(open, options.per_example, detail::named(stream, "prompt"), first_example);
  else
    drawn.prompt.assign(static_cast<std::size_t>(batch), 0);
  for (std::size_t b = 0; b < prompt_frames.size(); ++b) drawn.prompt[b] = std::max(drawn.prompt[b], prompt_frames[b]);
  auto const level_draw = detail::named(stream, "level"), time_draw = detail::named(stream, "time"),
             token_draw = detail::named(stream, "token");
  auto const keep_coin = detail::named(stream, "keep coin"), random_coin = detail::named(stream, "random coin");
  std::vector<float> share, keep, random;
  for (index b = 0; b < batch; ++b) {
    auto const example = static_cast<std::uint32_t>(first_example + b), shared = options.per_example ? example : 0u;
    drawn.level.push_back(options.level_weights.empty() ? level_draw.below(static_cast<std::uint32_t>(levels), shared, 0)
                                                        : detail::level_at(options.level_weights, levels, level_draw.uniform(shared, 0)));
    std::fill_n(open.data() + b * frames, drawn.prompt[static_cast<std::size_t>(b)], flag{0});
    share.push_back(masked_share(options.schedule, time_draw.uniform(example, 0)));
    bool const keeps = keep_coin.uniform(shared, 0) < options.coin_prob, randomizes = random_coin.uniform(shared, 0) < options.coin_prob;
    keep.push_back(keeps ? options.no_replace_prob : 0.0f);
    random.push_back(randomizes ? options.random_token_prob * (keeps ? 1.0f - options.no_replace_prob : 1.0f) : 0.0f);
  }

  flag_array const chosen = get_mask_subset_prob(open, share, {.min_mask = options.min_mask, .rule = options.rule},
                                                 detail::named(stream, "choose"), first_example);
  drawn.kept = get_mask_subset_prob(chosen, keep, {}, detail::named(stream, "keep"), first_example);
  flag_array rest = chosen;
  for (index i = 0; i < rest.size(); ++i) rest.data()[i] = chosen.data()[i] && !drawn.kept.data()[i];
  drawn.randomized = get_mask_subset_prob(rest, random, {.min_keep_mask = 1}, detail::named(stream, "random"), first_example);

  std::int32_t const masked = mask_id(codebook_size);
  drawn.input = fill_padding(codes, valid, masked);
  drawn.target = id_array({batch, frames}, masked);
  drawn.target_mask = chosen;
  for (index b = 0; b < batch; ++b)
    for (index t = 0; t < frames; ++t) {
      index const level = drawn.level[static_cast<std::size_t>(b)], at = b * frames + t;
      bool const kept = drawn.kept.data()[at], randomized = drawn.randomized.data()[at];
      std::int32_t* shown = drawn.input.data() + at * levels;
      if (valid.data()[at]) drawn.target.data()[at] = codes.data()[at * levels + level];
      if (open.data()[at]) std::fill(shown + level + 1, shown + levels, masked);
      if (randomized)
        shown[level] = static_cast<std::int32_t>(token_draw.below(
            static_cast<std::uint32_t>(codebook_size), static_cast<std::uint32_t>(first_example + b), static_cast<std::uint32_t>(t)));
      else if (chosen.data()[at] && !kept)
        shown[level] = masked;
      if (!options.replaced_in_loss && (kept || randomized)) drawn.target_mask.data()[at] = 0;
    }
  return drawn;
}

/// The same where all frames count.
inline drawn_mask draw_mask(code_array const& codes, index codebook_size, mask_options const& options, random_stream const& stream,
                            index first_example, std::span<index const> prompt_frames = {}) {
  return draw_mask(codes, all_valid(codes.extent(0), codes.extent(1)), codebook_size, options, stream, first_example, prompt_frames);
}

/// The positions that enter the loss, sorted by level, then by position: rows of a level are rows of one head.
struct chosen_list {
  array<std::int32_t, axes::rows<>> rows;     ///< flat position example * frames + frame
  array<std::int32_t, axes::rows<>> targets;  ///< the true code there
  std::vector<index> offsets;                 ///< (levels + 1)  rows of level l are [offsets[l], offsets[l + 1])
};

/// @throws shape_error where batch * frames does not fit an int32
inline chosen_list chosen_rows(drawn_mask const& drawn) {
  index const frames = drawn.input.extent(1), levels = drawn.input.extent(2), positions = drawn.target_mask.size();
  if (positions > 2147483647) fail<shape_error>("chosen_rows: batch * frames = ", positions, ", expected at most 2147483647");
  std::vector<std::int32_t> rows, targets;
  std::vector<index> offsets{0};
  for (index level = 0; level < levels; ++level) {
    for (std::size_t b = 0; b < drawn.level.size(); ++b)
      if (drawn.level[b] == level)
        for (index at = static_cast<index>(b) * frames; at < static_cast<index>(b + 1) * frames; ++at)
          if (drawn.target_mask.data()[at]) rows.push_back(static_cast<std::int32_t>(at)), targets.push_back(drawn.target.data()[at]);
    offsets.push_back(static_cast<index>(rows.size()));
  }
  sizes<1> const count{static_cast<index>(rows.size())};
  return {.rows = {count, std::move(rows)}, .targets = {count, std::move(targets)}, .offsets = std::move(offsets)};
}

}  // namespace SPEARSTORM_NS::token
