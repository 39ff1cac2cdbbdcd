#pragma once
// The sizes of a TextToSemantic.

#include "spearstorm/nn/transformer_shape.hpp"

namespace SPEARSTORM_NS {

/// Names of spear-tts-pytorch's TextToSemantic; a template argument, and the same struct at run time.
struct text_to_semantic_shape {
  index dim = 512;
  index source_depth = 6;
  index target_depth = 6;
  index num_text_token_ids = 256;
  index num_semantic_token_ids = 512;
  index dim_head = 64;
  index heads = 8;
  index target_kv_heads = 0;  ///< heads of the decoder's keys and values, which query heads share; 0: as many as heads
  index ff_mult = 4;
  bool autoset_semantic_eos_id = true;  ///< id num_semantic_token_ids ends a row; without it rows have no end that a model could learn
  bool autoset_text_eos_id = true;
  index target_early_exit_layer = 0;  ///< the decoder's layer behind which speculative decoding reads its drafts; 0: none
  bool semantic_mask_token = false;   ///< id num_semantic_token_ids + 1 is a learned mask in sources; the package has no row for it

  constexpr transformer_shape source() const {
    return {.dim = dim, .depth = source_depth, .dim_head = dim_head, .heads = heads, .ff_mult = ff_mult};
  }
  constexpr transformer_shape target() const {
    return {.dim = dim,
            .depth = target_depth,
            .dim_head = dim_head,
            .heads = heads,
            .kv_heads = target_kv_heads,
            .ff_mult = ff_mult,
            .causal = true,
            .cross_attend = true};
  }

  friend constexpr bool operator==(text_to_semantic_shape const&, text_to_semantic_shape const&) = default;
};

/// All sizes come with the constructor: one compiled program for checkpoints of any shape.
inline constexpr text_to_semantic_shape dynamic_text_to_semantic{.dim = dynamic,
                                                                 .source_depth = dynamic,
                                                                 .target_depth = dynamic,
                                                                 .num_text_token_ids = dynamic,
                                                                 .num_semantic_token_ids = dynamic,
                                                                 .dim_head = dynamic,
                                                                 .heads = dynamic,
                                                                 .target_kv_heads = dynamic,
                                                                 .ff_mult = dynamic,
                                                                 .target_early_exit_layer = dynamic};

namespace spear_tts {

/// What a row of ids is; the package's source_type and target_type.
enum class token_kind { text, speech };

constexpr std::string_view name_of(token_kind kind) { return kind == token_kind::text ? "text" : "speech"; }

/// The id that ends a row of this kind.
constexpr std::int32_t eos_id(text_to_semantic_shape const& shape, token_kind kind) {
  return static_cast<std::int32_t>(kind == token_kind::text ? shape.num_text_token_ids : shape.num_semantic_token_ids);
}
/// Whether rows of this kind end by it.
constexpr bool sets_eos(text_to_semantic_shape const& shape, token_kind kind) {
  return kind == token_kind::text ? shape.autoset_text_eos_id : shape.autoset_semantic_eos_id;
}
/// Ids that can be generated: those of the vocabulary, and the end.
constexpr index classes(text_to_semantic_shape const& shape, token_kind kind) {
  return (kind == token_kind::text ? shape.num_text_token_ids : shape.num_semantic_token_ids) + (sets_eos(shape, kind) ? 1 : 0);
}
/// The id of a masked token in a source of speech.
constexpr std::int32_t mask_id(text_to_semantic_shape const& shape) { return static_cast<std::int32_t>(shape.num_semantic_token_ids + 1); }

/// @throws shape_error where a run-time size contradicts the type, value_error where one is out of range
inline text_to_semantic_shape resolve(text_to_semantic_shape const& fixed, text_to_semantic_shape const& given) {
  nn::resolve("text_to_semantic", "num_text_token_ids", fixed.num_text_token_ids, given.num_text_token_ids);
  nn::resolve("text_to_semantic", "num_semantic_token_ids", fixed.num_semantic_token_ids, given.num_semantic_token_ids);
  nn::resolve(fixed.source(), given.source());
  nn::resolve(fixed.target(), given.target());
  index const exit = given.target_early_exit_layer;
  if (fixed.target_early_exit_layer != dynamic && exit != fixed.target_early_exit_layer)
    fail<shape_error>("text_to_semantic: target_early_exit_layer = ", exit, ", its type says ", fixed.target_early_exit_layer);
  check_range<index>("text_to_semantic", "target_early_exit_layer", exit, 0, given.target_depth);
  return given;
}

}  // namespace spear_tts
}  // namespace SPEARSTORM_NS
