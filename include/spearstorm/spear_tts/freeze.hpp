#pragma once
// Which parts of a TextToSemantic a stage of training leaves alone. The six methods of the package; contexts and optimizers honour them.

#include "spearstorm/runtime/visit.hpp"
#include "spearstorm/spear_tts/shape.hpp"

namespace SPEARSTORM_NS::spear_tts {

/// @see spear-tts-pytorch: TextToSemantic.unfreeze_all
void unfreeze_all(auto& model) { set_trainable_(model, true); }

void freeze_encoder(auto& model) { set_trainable_(model.source_transformer, false); }

/// Encoder layers 1 ... layer are frozen, the others and the last norm are not.
/// @throws value_error where the encoder has fewer layers
void freeze_encoder_below_layer(auto& model, index layer) {
  auto& encoder = model.source_transformer;
  check_range<index>("freeze_encoder_below_layer", "layer", layer, 0, static_cast<index>(encoder.layers.size()));
  set_trainable_(encoder, true);
  for (index i = 0; i < layer; ++i) set_trainable_(encoder.layers[static_cast<std::size_t>(i)], false);
}

void freeze_decoder(auto& model) { set_trainable_(model.target_transformer, false); }

/// The table of a kind, with the logits that are tied to it, and its start token.
void freeze_speech_emb(auto& model) {
  model.semantic_token_emb.set_trainable_(false);
  model.semantic_start_token.set_trainable_(false);
  if (model.semantic_mask_token) model.semantic_mask_token->set_trainable_(false);
}
void freeze_text_emb(auto& model) {
  model.text_token_emb.set_trainable_(false);
  model.text_start_token.set_trainable_(false);
}

}  // namespace SPEARSTORM_NS::spear_tts
