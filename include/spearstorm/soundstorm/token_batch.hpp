#pragma once
// What a model of tokens reads: one batch of codes on the host.

#include "spearstorm/token/codes.hpp"

namespace SPEARSTORM_NS::soundstorm {

/// What a batch holds on the host. An empty `valid` means that every frame is real.
struct token_batch {
  token::code_array codes;             ///< (batch, frames, levels)
  token::flag_array valid{};           ///< (batch, frames)
  token::id_array semantic{};          ///< (batch, semantic frames), below 0 for padding; empty for a model without a condition
  std::vector<index> prompt_frames{};  ///< (batch), frames at each row's start that training always shows; empty: none

  bool padded() const { return valid.size() > 0; }
};

}  // namespace SPEARSTORM_NS::soundstorm
