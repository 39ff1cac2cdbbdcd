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

}  // namespace soundstorm
}  // namespace SPEARSTORM_NS
