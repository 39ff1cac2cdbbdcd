#pragma once
// The head of an early exit: semantic logits from a lower layer of the decoder, the drafts of speculative decoding.

#include "spearstorm/nn/geglu_feed_forward.hpp"
#include "spearstorm/nn/transformer_shape.hpp"

namespace SPEARSTORM_NS::spear_tts {

/// @shape x (..., dim)  returns (..., vocab)
/// @see   spear-tts-pytorch: to_early_exit_semantic_logits
template <index Dim, execution_policy Exec>
struct early_exit_head {
  static constexpr index inner = transformer_shape{.dim = Dim}.ff_inner();  // ff_mult of this feed-forward is 4, whatever the decoder's is
  using width = axes::dim<Dim>;

  nn::geglu_feed_forward<Dim, inner, Exec> ff;
  nn::rms_norm<Dim, Exec> norm;
  nn::linear<Dim, dynamic, Exec> to_logits;

  early_exit_head(workspace<Exec>& work, index dim, index classes)
      : ff(work, dim, transformer_shape{.dim = dim}.ff_inner()), norm(work, dim), to_logits(work, {dim, classes, false}) {}

  auto operator()(context<Exec> auto& ctx, tensor_ending_in<width> auto const& x) const {
    auto const h = norm(ctx, ff.onto(ctx, x));                    // (..., dim)
    return ops::linear<axes::vocab<>>(ctx, h, to_logits.weight);  // (..., vocab)
  }

  static void visit(auto& self, auto&& each) {
    each("ff", self.ff);
    each("norm", self.norm);
    each("to_logits", self.to_logits);
  }
};

}  // namespace SPEARSTORM_NS::spear_tts
