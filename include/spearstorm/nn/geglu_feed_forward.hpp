#pragma once
// SPEAR-TTS's feed-forward: norm, linear with a gelu gate, linear.

#include "spearstorm/nn/linear.hpp"
#include "spearstorm/nn/rms_norm.hpp"
#include "spearstorm/ops/dropout.hpp"
#include "spearstorm/ops/gated_linear.hpp"

namespace SPEARSTORM_NS::nn {

/// @shape x (..., dim)  returns the same, without the residual
/// @math  y = W_out (gelu(W_gate h) * W_value h),  h = norm(x), each W with a bias
/// @see   spear-tts-pytorch: FeedForward, whose first Linear is value and gate under each other;  Shazeer 2020, GLU variants
template <index Dim, index Inner, execution_policy Exec>
struct geglu_feed_forward {
  using width = axes::dim<Dim>;

  nn::rms_norm<Dim, Exec> norm;
  nn::linear<Dim, Inner, Exec> value, gate;
  nn::linear<Inner, Dim, Exec> out;
  double dropout;

  explicit geglu_feed_forward(workspace<Exec>& work, index dim = Dim, index inner = Inner, double rate = 0)
      : norm(work, dim), value(work, {dim, inner}), gate(work, {dim, inner}), out(work, {inner, dim}), dropout(rate) {}

  auto operator()(context<Exec> auto& ctx, tensor_ending_in<width> auto const& x) const {
    auto const h = ops::gated_linear(ctx, norm(ctx, x), gate, value, gelu);  // (..., inner)
    return out(ctx, ops::dropout(ctx, h, dropout));                          // (..., dim)
  }

  static void visit(auto& self, auto&& each) {
    each("norm", self.norm);
    each("value", self.value);
    each("gate", self.gate);
    each("out", self.out);
  }
};

}  // namespace SPEARSTORM_NS::nn
