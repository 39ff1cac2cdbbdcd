#pragma once
// What a TextToSemantic is told at run time: beside its sizes, and for each loss.

#include <cmath>
#include <optional>

#include "spearstorm/nn/transformer_shape.hpp"
#include "spearstorm/runtime/communicator.hpp"

namespace SPEARSTORM_NS {

/// The constructor's options beside the shape; names and defaults of spear-tts-pytorch.
struct text_to_semantic_options {
  double attn_dropout = 0;
  double ff_dropout = 0;
  bool recompute = false;                ///< transformer_options::recompute, of both transformers
  double cond_drop_prob = 0;             ///< how often an example's source is hidden in training, for classifier-free guidance
  bool detach_early_exit_embed = false;  ///< the early exit's head trains, the layers before it do not feel its loss
  double align_reg_loss_weight = 0.1;    ///< of the alignment regularisation, arXiv 2309.08773
  bool align_reg_use_logsumexp_pool = true;
  double align_reg_logsumexp_pool_temp = 0.1;
  /// The last norm's scale starts so small that the first loss is ln(vocabulary). The package starts it at 1 beside tied N(0, 1) embeddings:
  /// at dim 128 its first loss is about 117.
  bool starts_at_log_vocabulary = true;
};

namespace spear_tts {

/// @throws value_error where an option is out of range
inline void check_options(text_to_semantic_options const& o) {
  auto const below_one = [](char const* name, double rate) {
    if (!(rate >= 0 && rate < 1)) fail<value_error>("text_to_semantic: ", name, " = ", rate, ", expected 0 to less than 1");
  };
  below_one("attn_dropout", o.attn_dropout);
  below_one("ff_dropout", o.ff_dropout);
  below_one("cond_drop_prob", o.cond_drop_prob);
  double const weight = o.align_reg_loss_weight, temperature = o.align_reg_logsumexp_pool_temp;
  if (!(weight >= 0 && std::isfinite(weight)))
    fail<value_error>("text_to_semantic: align_reg_loss_weight = ", weight, ", expected 0 or more");
  if (!(temperature > 0 && std::isfinite(temperature)))
    fail<value_error>("text_to_semantic: align_reg_logsumexp_pool_temp = ", temperature, ", expected more than 0");
}

/// What a training step is told.
struct loss_options {
  bool return_early_exit_loss = false;     ///< adds the early exit's loss; spear-tts-pytorch
  bool should_sim_regularize = true;       ///< adds the alignment loss over examples whose source is hidden; spear-tts-pytorch
  std::optional<double> cond_drop_prob{};  ///< in place of the model's; spear-tts-pytorch
  bool drops_per_example = true;           ///< false: one coin for the whole batch, as spear-tts-pytorch
  communicator const* ranks = nullptr;     ///< who else computes a part of this batch: the alignment loss compares all examples
};

}  // namespace spear_tts
}  // namespace SPEARSTORM_NS
