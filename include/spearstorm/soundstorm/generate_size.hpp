#pragma once
// How many rows and frames are generated, from whatever the options say, and the checks of the options.

#include "spearstorm/soundstorm/generate_options.hpp"
#include "spearstorm/soundstorm/semantic_rates.hpp"
#include "spearstorm/soundstorm/shape.hpp"

namespace SPEARSTORM_NS::soundstorm {

struct generate_size {
  index batch = 1, frames = 0;
  token::flag_array valid{};  ///< (batch, frames)
  bool padded = false;        ///< some frame is not valid
};

namespace detail {

/// Rows, and who says so: all that is given must agree.
inline index batch_of(generate_options const& options) {
  index batch = 0;
  std::string_view said = {};
  auto const take = [&](std::string_view name, index rows, bool given) {
    if (!given) return;
    if (batch > 0) check_size("generate", name, "batch", rows, said, batch);
    if (batch == 0) batch = rows, said = name;
  };
  take("lengths", static_cast<index>(options.lengths.size()), !options.lengths.empty());
  take("mask", options.mask.extent(0), options.mask.size() > 0);
  take("semantic", options.semantic.extent(0), options.semantic.size() > 0);
  take("prompt", options.prompt.extent(0), options.prompt.size() > 0);
  take("batch_size", options.batch_size, options.batch_size != 1 || batch == 0);
  check_range<index>("generate", "batch_size", batch, 1, 1 << 20);
  return batch;
}

/// @math floor(seconds * sample_hz / downsample_factor), as the package
inline index frames_of_seconds(generate_options const& options, semantic_rates const& rates) {
  if (options.num_latents > 0)
    fail<value_error>("generate: num_latents = ", options.num_latents, " and seconds = ", options.seconds, ", expected one of them");
  check_range("generate", "seconds", options.seconds, 0.0, 1e6);
  check_range("generate", "frames_per_second", options.frames_per_second, 0.0, 1e6);
  if (options.frames_per_second == 0 && !rates.given())
    fail<value_error>("generate: seconds = ", options.seconds,
                      " with frames_per_second = 0 and a model without rates, expected one of these");
  double const frames = options.frames_per_second > 0 ? options.seconds * options.frames_per_second
                                                      : options.seconds * static_cast<double>(rates.codec_target_sample_hz) /
                                                            static_cast<double>(rates.codec_downsample_factor);
  auto const whole = static_cast<index>(std::floor(frames + 1e-9));
  if (whole < 1) fail<value_error>("generate: seconds = ", options.seconds, " are ", frames, " frames, expected 1 or more");
  return whole;
}

/// Semantic tokens of a row up to its last real one.
inline index tokens_of(token::id_array const& semantic, index row, index num_semantic_token_ids) {
  index const length = semantic.extent(1);
  std::int32_t const* const ids = semantic.data() + row * length;
  for (index n = length; n > 0; --n)
    if (ids[n - 1] >= 0 && ids[n - 1] < num_semantic_token_ids) return n;
  return 0;
}

inline token::flag_array valid_of(generate_options const& options, index batch, index frames, std::vector<index> const& lengths) {
  if (options.mask.size() == 0) return lengths.empty() ? token::all_valid(batch, frames) : token::valid_frames(lengths, frames);
  check_size("generate", "mask", "frames", options.mask.extent(1), "num_latents", frames);
  return options.mask;
}

}  // namespace detail

/// Frames come from num_latents or seconds, else from mask or lengths, else from the semantic tokens. In the last case each row of
/// decoding::paper is as long as its own tokens; the package lets all rows be as long as the longest.
/// @throws value_error where nothing says how long, where two options exclude each other, where tokens and frames misfit in time;
///         shape_error where sizes differ
inline generate_size size_of(generate_options const& options, soundstorm_shape const& shape, semantic_rates const& rates) {
  bool const conditioned = shape.num_semantic_token_ids > 0, told = options.semantic.size() > 0;
  if (conditioned != told)
    fail<value_error>("generate: semantic holds ", options.semantic.size(),
                      " tokens, num_semantic_token_ids = ", shape.num_semantic_token_ids,
                      ", expected tokens for a model with a condition, and for no other");
  if (!options.lengths.empty() && options.mask.size() > 0)
    fail<value_error>("generate: lengths of ", options.lengths.size(), " rows and a mask of ", options.mask.extent(0),
                      " rows are given, expected one of them");
  generate_size made{.batch = detail::batch_of(options)};
  auto lengths = options.lengths;
  bool of_semantic = false;
  if (options.seconds != 0) {
    made.frames = detail::frames_of_seconds(options, rates);
  } else if (options.num_latents > 0) {
    made.frames = options.num_latents;
  } else if (options.mask.size() > 0) {
    made.frames = options.mask.extent(1);
  } else if (!lengths.empty()) {
    made.frames = *std::max_element(lengths.begin(), lengths.end());
  } else if (told) {
    made.frames = rates.frames_of(options.semantic.extent(1));
    of_semantic = options.decoding == decoding::paper;
  }
  if (made.frames < 1) fail<value_error>("generate: num_latents = ", options.num_latents, ", expected 1 or more, or lengths");
  for (index b = 0; b < made.batch && of_semantic; ++b)
    lengths.push_back(rates.frames_of(detail::tokens_of(options.semantic, b, shape.num_semantic_token_ids)));
  if (of_semantic) made.frames = std::max<index>(*std::max_element(lengths.begin(), lengths.end()), 1);
  made.valid = detail::valid_of(options, made.batch, made.frames, lengths);
  made.padded = std::any_of(made.valid.begin(), made.valid.end(), [](flag f) { return f == 0; });
  for (index b = 0; b < made.batch && told && !of_semantic; ++b)
    if (options.decoding == decoding::paper) {
      flag const* const row = made.valid.data() + b * made.frames;
      index const frames = made.frames - std::count(row, row + made.frames, flag{0});
      rates.check_fit(b, detail::tokens_of(options.semantic, b, shape.num_semantic_token_ids), frames);
    }
  return made;
}

/// @throws value_error where an option lies outside its range, asks for what the model lacks, or the package has no such option
inline void check_options(generate_options const& options, soundstorm_shape const& shape) {
  constexpr std::string_view here = "generate";
  check_range<index>(here, "steps", options.steps, 1, 1 << 20);
  check_range<index>(here, "num_full_sampling_levels", options.num_full_sampling_levels, 0, shape.levels());
  check_range(here, "start_temperature", options.start_temperature, 0.0f, 1e6f);
  check_range(here, "end_temperature", options.end_temperature, 0.0f, 1e6f);
  check_range(here, "cond_scale", options.cond_scale, -1e3f, 1e3f);
  check_range(here, "cond_rescale", options.cond_rescale, 0.0f, 1.0f);
  check_range(here, "confidence_noise", options.confidence_noise, 0.0f, 1e6f);
  check_range(here, "noise_level_scale", options.noise_level_scale, 0.0f, 1e6f);
  check_range<index>(here, "first_example", options.first_example, 0, 2147483647);
  token::check_candidates(here, options.filter(), shape.codebook_size);
  token::check_repetition(here, options.repetition);
  if (options.use_critic.value_or(false) && !shape.self_token_critic)
    fail<value_error>("generate: use_critic = true with self_token_critic = false, expected a model with a critic");
  if (options.cond_scale != 1 && shape.num_semantic_token_ids == 0)
    fail<value_error>("generate: cond_scale = ", options.cond_scale,
                      " with num_semantic_token_ids = 0, expected 1: there is no condition to drop");
  auto const only = [](bool fits, char const* name, auto const& value, char const* mode, auto const& expected) {
    if (!fits) fail<value_error>("generate: ", name, " = ", value, " with decoding::", mode, ", expected ", expected);
  };
  if (options.decoding == decoding::paper) {
    only(!options.gumbel, "gumbel", "recorded draws", "paper", "none");
    return;
  }
  constexpr char const* package = "soundstorm_pytorch";
  only(options.steps_per_level.empty(), "steps_per_level", options.steps_per_level.size(), package,
       "none: it has num_full_sampling_levels");
  only(options.end_temperature == 0, "end_temperature", options.end_temperature, package, 0);
  only(options.top_k == 0, "top_k", options.top_k, package, 0);
  only(options.top_p == 1, "top_p", options.top_p, package, 1);
  only(options.repetition.window == 0, "repetition.window", options.repetition.window, package, 0);
  only(options.cond_scale == 1, "cond_scale", options.cond_scale, package, 1);
  only(options.confidence_noise == 0, "confidence_noise", options.confidence_noise, package, 0);
}

}  // namespace SPEARSTORM_NS::soundstorm
