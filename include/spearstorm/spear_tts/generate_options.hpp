#pragma once
// What generation is told, and what it gives.

#include <functional>

#include "spearstorm/spear_tts/shape.hpp"
#include "spearstorm/token/beam_search.hpp"
#include "spearstorm/token/guidance.hpp"
#include "spearstorm/token/repetition.hpp"
#include "spearstorm/token/sampling.hpp"
#include "spearstorm/token/sequences.hpp"

namespace SPEARSTORM_NS::spear_tts {

/// Names and defaults of spear-tts-pytorch's `generate`, except where a field says otherwise.
struct generate_options {
  index max_length = 2048;  ///< tokens of a row, its end included

  // sampling

  float temperature = 1;      ///< 0: greedy
  double filter_thres = 0.1;  ///< this share of the vocabulary, the likeliest, are candidates: the package's top_k and its default
  index top_k = 0;            ///< so many instead; 0: filter_thres decides
  double top_p = 1;           ///< of these the likeliest that make up this share; 1: all
  /// Any filter of a row of logits instead of these three, -inf for what is removed; called by one thread. Beam search too asks it.
  std::function<std::vector<float>(std::span<float const>)> filter_logits{};
  token::repetition_options
      repetition{};  ///< draws a token again that stands too often among the last; VALL-E 2: {10, 0.1}; not in the package

  // beam search

  bool beam_search_decode = false;
  index beam_size = 4;
  double length_penalty = 0;  ///< ranked by log_prob / length^length_penalty; 0, the package: by log_prob
  index n_best = 1;           ///< hypotheses that come back for each row

  // speculative decoding: the early exit drafts, the whole decoder verifies

  bool spec_decode = false;
  index spec_decode_gamma = 5;      ///< tokens of a draft
  double spec_decode_lenience = 1;  ///< 1: distributed exactly as without drafts; below: more of a draft stands

  // guidance

  float cond_scale = 1;    ///< classifier-free guidance; 1: off. Rows with and without the source are one batch
  float cond_rescale = 0;  ///< see token::guidance_options; not in the package

  // what comes back

  bool keep_eos = false;    ///< ids with the id that ended them, as the package's
  index first_example = 0;  ///< number of the first row: a row's draws depend on its number, not on the batch
  std::function<void(index row, index position, std::int32_t id)> on_token{};  ///< each token of the result, as soon as it stands
  std::function<void(index tokens, index max_length)>
      progress{};  ///< called after each step, on a device every 16, with the tokens of the longest row

  token::guidance_options guidance() const { return {cond_scale, cond_rescale}; }
};

/// Rows of ids, below 0 behind a row's last.
struct generated {
  token::id_array ids;      ///< (batch, frames of the longest row)
  token::flag_array valid;  ///< (batch, frames), 1 where there is an id: the package's target mask
  std::vector<flag> ended;  ///< (batch), 1 where the row came to its end, 0 where max_length cut it
  token::id_array source;   ///< (batch, source frames) as the encoder read it, with its end: the package's return_source
  std::vector<std::vector<token::hypothesis>> beams{};  ///< (batch, n_best or fewer), best first, without their ends; beam search
  index drafted = 0, accepted = 0;                      ///< tokens drafted and those that stood; speculative decoding

  double accepted_share() const { return drafted == 0 ? 0.0 : static_cast<double>(accepted) / static_cast<double>(drafted); }
};

/// @throws value_error where an option is out of range, or two of them exclude each other
inline void check_options(generate_options const& o, text_to_semantic_shape const& shape, double cond_drop_prob, token_kind to) {
  check_range<index>("generate", "max_length", o.max_length, 0, 1 << 24);
  if (!(o.temperature >= 0)) fail<value_error>("generate: temperature = ", o.temperature, ", expected 0 or more");
  check_range("generate", "filter_thres", o.filter_thres, 0.0, 1.0);
  check_range<index>("generate", "top_k", o.top_k, 0, classes(shape, to));
  check_range("generate", "top_p", o.top_p, 0.0, 1.0);
  check_repetition("generate", o.repetition);
  check_range<index>("generate", "beam_size", o.beam_size, 1, 1 << 16);
  check_range<index>("generate", "n_best", o.n_best, 1, o.beam_size);
  if (!std::isfinite(o.length_penalty)) fail<value_error>("generate: length_penalty = ", o.length_penalty, ", expected a number");
  check_range<index>("generate", "spec_decode_gamma", o.spec_decode_gamma, 1, 1 << 10);
  check_range("generate", "spec_decode_lenience", o.spec_decode_lenience, 0.0, 1.0);
  check_range("generate", "cond_rescale", o.cond_rescale, 0.0f, 1.0f);
  check_range<index>("generate", "first_example", o.first_example, 0, (index{1} << 32) - 1);
  if (!(o.cond_scale >= 1) || !std::isfinite(o.cond_scale))
    fail<value_error>("generate: cond_scale = ", o.cond_scale, ", expected 1 or more");
  if (o.cond_scale > 1 && !(cond_drop_prob > 0))
    fail<value_error>("generate: cond_scale = ", o.cond_scale, " with cond_drop_prob = ", cond_drop_prob,
                      ", expected a model that was trained with cond_drop_prob above 0");
  if (o.beam_search_decode && o.spec_decode)
    fail<value_error>("generate: beam_search_decode = true and spec_decode = true, expected one of them");
  char const* const way = o.beam_search_decode ? "beam_search_decode" : o.spec_decode ? "spec_decode" : nullptr;
  if (way && o.repetition.window > 0)
    fail<value_error>("generate: repetition.window = ", o.repetition.window, " with ", way,
                      " = true, expected 0: only plain sampling draws again");
  if (o.beam_search_decode && o.on_token)
    fail<value_error>("generate: on_token is set with beam_search_decode = true, expected none: a beam's tokens are known at its end");
}

/// What is left of a row of logits for sampling.
inline std::vector<float> filtered(std::span<float const> logits, generate_options const& o) {
  if (o.filter_logits) {
    auto made = o.filter_logits(logits);
    check_size("generate", "what filter_logits gave", "vocab", static_cast<index>(made.size()), "the logits",
               static_cast<index>(logits.size()));
    return made;
  }
  auto made = token::spear_tts_top_k(logits, o.filter_thres, o.top_k);
  return o.top_p < 1 ? token::top_p(made, o.top_p) : made;
}

}  // namespace SPEARSTORM_NS::spear_tts
