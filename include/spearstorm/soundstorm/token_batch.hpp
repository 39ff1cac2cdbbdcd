#pragma once
// What a model of tokens reads: one batch of codes on the host.

#include "spearstorm/token/codes.hpp"

namespace SPEARSTORM_NS::soundstorm {

/// What a batch holds on the host. An empty `valid` means that every frame is real.
struct token_batch {
  token::code_array codes;    ///< (batch, frames, levels)
  token::flag_array valid{};  ///< (batch, frames)

  bool padded() const { return valid.size() > 0; }
};

}  // namespace SPEARSTORM_NS::soundstorm
