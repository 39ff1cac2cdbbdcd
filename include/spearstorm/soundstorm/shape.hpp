#pragma once
// The sizes of a SoundStorm.

#include "spearstorm/nn/conformer_shape.hpp"

namespace SPEARSTORM_NS {

/// Names of soundstorm-pytorch's ConformerWrapper and SoundStorm; a template argument, and the same struct at run time.
struct soundstorm_shape {
  index codebook_size = 1024;
  index num_quantizers = 12;
  conformer_shape body = {};
  index grouped_quantizers = 1;      ///< codebooks side by side at each quantizer
  index num_semantic_token_ids = 0;  ///< conditions on semantic tokens; 0: no condition
  index semantic_dim = 0;            ///< width of a semantic embedding that is borrowed and projected; 0: an own one, `body.dim` wide
  bool self_cond = false;            ///< conditions on the embeddings of a pass before
  bool self_token_critic = false;    ///< a head on the same network tells true tokens from sampled ones

  /// Columns of a code array: quantizers times groups.
  constexpr index levels() const {
    return num_quantizers == dynamic || grouped_quantizers == dynamic ? dynamic : num_quantizers * grouped_quantizers;
  }

  friend constexpr bool operator==(soundstorm_shape const&, soundstorm_shape const&) = default;
};

inline constexpr soundstorm_shape dynamic_soundstorm{.codebook_size = dynamic,
                                                     .num_quantizers = dynamic,
                                                     .body = dynamic_conformer,
                                                     .grouped_quantizers = dynamic,
                                                     .num_semantic_token_ids = dynamic,
                                                     .semantic_dim = dynamic};

namespace soundstorm {

/// @throws shape_error where a run-time size contradicts the type, value_error where a size or a combination is out of range
inline soundstorm_shape resolve(soundstorm_shape const& fixed, soundstorm_shape const& given) {
  nn::resolve("soundstorm", "codebook_size", fixed.codebook_size, given.codebook_size);
  nn::resolve("soundstorm", "num_quantizers", fixed.num_quantizers, given.num_quantizers);
  nn::resolve("soundstorm", "grouped_quantizers", fixed.grouped_quantizers, given.grouped_quantizers);
  auto const optional = [](std::string_view what, index wanted, index found) {
    if (wanted != dynamic && found != wanted) fail<shape_error>("soundstorm: ", what, " = ", found, ", its type says ", wanted);
    if (found < 0) fail<value_error>("soundstorm: ", what, " = ", found, ", expected 0 or more");
  };
  optional("num_semantic_token_ids", fixed.num_semantic_token_ids, given.num_semantic_token_ids);
  optional("semantic_dim", fixed.semantic_dim, given.semantic_dim);
  if (given.semantic_dim > 0 && given.num_semantic_token_ids == 0)
    fail<value_error>("soundstorm: semantic_dim = ", given.semantic_dim, " with num_semantic_token_ids = 0, expected ids to embed");
  nn::resolve(fixed.body, given.body);
  return given;
}

}  // namespace soundstorm
}  // namespace SPEARSTORM_NS
