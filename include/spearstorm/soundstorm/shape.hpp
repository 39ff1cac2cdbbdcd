#pragma once
// The sizes of a SoundStorm.

#include "spearstorm/nn/conformer_shape.hpp"

namespace SPEARSTORM_NS {

/// Names of soundstorm-pytorch's ConformerWrapper; a template argument, and the same struct at run time.
struct soundstorm_shape {
  index codebook_size = 1024;
  index num_quantizers = 12;
  conformer_shape body = {};

  friend constexpr bool operator==(soundstorm_shape const&, soundstorm_shape const&) = default;
};

inline constexpr soundstorm_shape dynamic_soundstorm{.codebook_size = dynamic, .num_quantizers = dynamic, .body = dynamic_conformer};

}  // namespace SPEARSTORM_NS
