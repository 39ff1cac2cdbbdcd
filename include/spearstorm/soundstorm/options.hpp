#pragma once
// What a SoundStorm is told at run time: beside its sizes, and for each loss.

#include <optional>

#include "spearstorm/nn/conformer_shape.hpp"
#include "spearstorm/soundstorm/semantic_rates.hpp"
#include "spearstorm/token/draw_mask.hpp"

namespace SPEARSTORM_NS {

/// The constructor's options beside the shape; names of soundstorm-pytorch.
struct soundstorm_options {
  conformer_options body{};
  soundstorm::semantic_rates rates{};
  std::optional<std::int32_t> pad_id{};  ///< a frame with this id at any level is padding
};

namespace soundstorm {

/// What a training step is told.
struct loss_options {
  token::mask_options mask{};
  float self_cond_train_prob = 0.75f;                   ///< how often a batch is shown the embeddings of a pass before; soundstorm-pytorch
  bool only_train_generator = false;                    ///< no critic in the loss; soundstorm-pytorch
  bool only_train_critic = false;                       ///< the generator's pass is not recorded; soundstorm-pytorch
  double critic_loss_weight = 1;                        ///< soundstorm-pytorch
  std::optional<float> generator_sample_temperature{};  ///< of what the critic is shown; none: drawn from [0, 1); soundstorm-pytorch
  float cond_drop_prob = 0;                             ///< how often an example's condition is left out, for classifier-free guidance
};

/// The mask's options are draw_mask's to check.
/// @throws value_error where an option lies outside its range
inline void check_options(loss_options const& with) {
  constexpr std::string_view here = "soundstorm";
  check_range(here, "self_cond_train_prob", with.self_cond_train_prob, 0.0f, 1.0f);
  check_range(here, "critic_loss_weight", with.critic_loss_weight, 0.0, 1e6);
  if (with.generator_sample_temperature) check_range(here, "generator_sample_temperature", *with.generator_sample_temperature, 0.0f, 1e6f);
  check_range(here, "cond_drop_prob", with.cond_drop_prob, 0.0f, 1.0f);
}

}  // namespace soundstorm
}  // namespace SPEARSTORM_NS
