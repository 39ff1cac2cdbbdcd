#pragma once
// SPEAR-TTS's feed-forward: norm, linear with a gelu gate, linear.

#include "spearstorm/nn/onto_stream.hpp"
#include "spearstorm/nn/rms_norm.hpp"
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
    return behind(ctx, x, [&](auto const& h) { return out(ctx, h); });  // (..., dim)
  }
  /// x + what the call returns.
  auto onto(context<Exec> auto& ctx, tensor_ending_in<width> auto const& x) const {
    return behind(ctx, x, [&](auto const& h) { return out(ctx, h, ops::onto(x)); });  // (..., dim)
  }

  static void visit(auto& self, auto&& each) {
    each("norm", self.norm);
    each("value", self.value);
    each("gate", self.gate);
    each("out", self.out);
  }

 private:
  /// then(h), h (..., inner) for a product: stored where dropout acts on it.
  auto behind(context<Exec> auto& ctx, auto const& x, auto const& then) const {
    auto const n = norm.rows(ctx, x);  // (..., dim)
    if (ops::drops(ctx, dropout)) return then(ops::dropout(ctx, ops::gated_linear(ctx, n, gate, value, gelu), dropout));
    return then(ops::gated_linear_rows(ctx, n, gate, value, gelu));
  }
};

}  // namespace SPEARSTORM_NS::nn
