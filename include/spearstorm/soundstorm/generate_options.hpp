#pragma once
// What generation is told.

#include <functional>
#include <optional>

#include "spearstorm/token/annealing.hpp"
#include "spearstorm/token/candidates.hpp"
#include "spearstorm/token/codes.hpp"
#include "spearstorm/token/guidance.hpp"
#include "spearstorm/token/repetition.hpp"
#include "spearstorm/token/unmask.hpp"

namespace SPEARSTORM_NS::soundstorm {

/// How masked tokens become codes.
enum class decoding {
  paper,               ///< level by level; confidence is ranked within the level, what is fixed stays, fine levels are greedy; section 4.1
  soundstorm_pytorch,  ///< the package's generate, faults included, for comparison; see token/package_decoding.hpp
};

/// A policy whose memory the host cannot read decodes there. Three things need the host in each pass, and cost a transfer of all its
/// logits: repetition, decoding::soundstorm_pytorch, and an observer of `decode`.
///
/// Names and defaults of soundstorm-pytorch's `generate`, except where a field says otherwise. Where the packages have no such option, its
/// source is named.
struct generate_options {
  // how much

  index num_latents = 0;         ///< frames of each row in all, the prompt's included; 0: as long as what else is given
  double seconds = 0;            ///< the same in seconds, instead of num_latents
  double frames_per_second = 0;  ///< for `seconds`; 0: the model's codec rate
  index batch_size = 1;          ///< rows, where nothing else tells
  std::vector<index> lengths{};  ///< frames of each row, the prompt's included; empty: num_latents for all
  token::flag_array mask{};      ///< (batch, frames), 1 for a valid frame, instead of lengths

  // of what

  token::id_array semantic{};           ///< (batch, semantic frames), below 0 for padding; for a model with a condition
  token::code_array prompt{};           ///< (batch, prompt frames, levels or fewer), acoustic tokens to go on from
  std::vector<index> prompt_lengths{};  ///< prompt frames of each row; empty: all; the package: one length

  // how

  soundstorm::decoding decoding = soundstorm::decoding::paper;
  std::vector<index> steps_per_level{};               ///< passes of each level, instead of the next two; MaskGCT: 40, 16, then 1 each
  index steps = 18;                                   ///< passes of the first levels; soundstorm-pytorch. The paper: 16
  index num_full_sampling_levels = 1;                 ///< how many levels have `steps` passes; each other has one
  token::schedule schedule = token::cosine_schedule;  ///< soundstorm-pytorch: linear_schedule
  float start_temperature = 1;                        ///< falls over a level's passes; MaskGCT: 1.5
  float end_temperature = 0;                          ///< at the last pass
  token::schedule anneal = token::linear_schedule;    ///< how it falls, see token::annealing; decoding::paper
  double filter_thres = 0.7;                          ///< soundstorm-pytorch: the best (1 - filter_thres) of the codes are candidates
  index top_k = 0;                                    ///< so many candidates instead; 0: filter_thres decides
  double top_p = 1;                        ///< of these the likeliest that make up this share; nucleus sampling, arXiv 1904.09751
  token::repetition_options repetition{};  ///< draws a code again that stands too often in the frames before; VALL-E 2: {10, 0.1}
  float cond_scale = 1;                    ///< classifier-free guidance; 1: off. See token::guidance_options
  float cond_rescale = 0;                  ///< its rescale
  float confidence_noise = 0;        ///< Gumbel noise on the log confidence, falling over a level's passes; MaskGIT 4.5, arXiv 2202.04200
  std::optional<bool> use_critic{};  ///< ranks by the token critic's scores, not by confidence; none: if the model has a critic
  std::optional<bool>
      critic_sees_all{};  ///< gives the critic mask, condition and the pass before, as training here; none: unless in the package's decoder
  float noise_level_scale = 1;  ///< Gumbel noise on the critic's scores, falling likewise
  bool can_mask_prev_unmasked =
      true;                 ///< decoding::soundstorm_pytorch: whether what was fixed may be masked again; soundstorm-pytorch from 0.4.11
  index first_example = 0;  ///< number of the first row: a row's draws depend on its number, not on the batch
  std::function<std::vector<float>(index count)> gumbel{};   ///< decoding::soundstorm_pytorch: recorded draws; empty: the workspace's
  std::function<void(index pass, index passes)> progress{};  ///< called after each pass; on a device, once it is asked to run it

  token::annealing temperature() const { return {start_temperature, end_temperature, anneal}; }
  token::candidate_options filter() const { return {filter_thres, top_k, top_p}; }
  token::guidance_options guidance() const { return {cond_scale, cond_rescale}; }
};

/// What one pass guessed at its level: all that an observer cannot see from the state after it.
struct pass_guess {
  token::id_array ids;                 ///< (batch, frames)  where `masked`
  token::confidence_array confidence;  ///< (batch, frames)  the probability of the id
  token::confidence_array score{};     ///< (batch, frames)  what was ranked: confidence, with noise, or the critic's; the higher the surer
  token::flag_array masked{};          ///< (batch, frames)  what the pass had to guess
};

}  // namespace SPEARSTORM_NS::soundstorm
