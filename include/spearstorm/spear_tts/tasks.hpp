#pragma once
// The three tasks of SPEAR-TTS as losses for train::run: (ctx, model, batch) -> tensor ().

#include "spearstorm/spear_tts/model.hpp"
#include "spearstorm/token/deletion.hpp"

namespace SPEARSTORM_NS::spear_tts {

/// Text to semantic tokens; the early exit trains wherever there is one.
/// Departs from spear-tts-pytorch, whose wrapper asks for the early exit's loss of models without one, and fails.
/// @see spear-tts-pytorch: TextToSemanticWrapper
struct text_to_semantic_task {
  static constexpr token_kind from = token_kind::text, to = token_kind::speech;
  loss_options options{};

  auto operator()(context_like auto& ctx, auto const& model, token::pair_batch const& batch) const {
    auto with = options;
    with.return_early_exit_loss = model.early_exit.has_value();
    return model.loss(ctx, batch, from, to, with).total;                           // ()
  }
};

/// Back-translation.
/// @see spear-tts-pytorch: SemanticToTextWrapper
struct semantic_to_text_task {
  static constexpr token_kind from = token_kind::speech, to = token_kind::text;
  loss_options options{};

  auto operator()(context_like auto& ctx, auto const& model, token::pair_batch const& batch) const {
    return model.loss(ctx, batch, from, to, options).total;                        // ()
  }
};

/// How pretraining spoils a row of speech, and what it asks for.
struct pretraining_options {
  token::deletion_options deletion{};
  bool reconstruct_seq = false;  ///< the target is the whole row, not what was deleted; spear-tts-pytorch
  bool mask_deleted =
      false;  ///< the mask token takes the place of what is deleted, the target is the whole row; spear-tts-pytorch's mask_id
};

/// Speech to speech: the row that was spoiled, mended. Reads the batch's sources; what is deleted depends on seed, step and global example.
/// @throws value_error where mask_deleted is asked of a model without a mask token
/// @see SPEAR-TTS (arXiv 2302.03540) section 4.1;  spear-tts-pytorch: SpeechSpeechPretrainWrapper
struct pretraining_task {
  static constexpr token_kind from = token_kind::speech, to = token_kind::speech;
  pretraining_options spoil{};
  loss_options options{};

  auto operator()(context_like auto& ctx, auto const& model, token::pair_batch const& batch) const {
    auto const first = static_cast<index>(ctx.options().first_example);
    auto const deleted = token::draw_deletion(batch.source, spoil.deletion, ctx.stream("spear_tts/deletion"), first);
    return model.loss(ctx, spoiled(model.shape, batch.source, deleted), from, to, options).total;  // ()
  }
  /// What the model is shown and asked for, of a deletion that is drawn already.
  token::pair_batch spoiled(text_to_semantic_shape const& shape, token::id_array const& ids, token::flag_array const& deleted) const {
    if (!spoil.mask_deleted) return token::delete_marked(ids, deleted, spoil.reconstruct_seq);
    if (!shape.semantic_mask_token)
      fail<value_error>("pretraining_task: mask_deleted with semantic_mask_token = false, expected a model with a mask token");
    return {token::mask_marked(ids, deleted, mask_id(shape)), ids};
  }
};

}  // namespace SPEARSTORM_NS::spear_tts
