#pragma once
// A transformer's two attentions: over its own frames with rotary positions, and over a context with a key that is always there.

#include "spearstorm/nn/linear.hpp"
#include "spearstorm/nn/rms_norm.hpp"
#include "spearstorm/nn/transformer_shape.hpp"
#include "spearstorm/ops/attend.hpp"
#include "spearstorm/ops/dropout.hpp"
#include "spearstorm/ops/prepend_row.hpp"
#include "spearstorm/ops/rotary.hpp"

namespace SPEARSTORM_NS::nn {

/// Keys may have fewer heads than queries.
/// @shape x (batch, frames, dim)  mask (batch, frames), 1 for a real frame  returns (batch, frames, dim), without the residual
/// @see   spear-tts-pytorch: Attention;  Ainslie et al. 2023 for shared heads
template <transformer_shape C, execution_policy Exec>
struct transformer_attention {
  static constexpr index inner = C.inner(), key_inner = C.key_inner();
  using width = axes::dim<C.dim>;

  nn::rms_norm<C.dim, Exec> norm;
  nn::linear<C.dim, inner, Exec> to_q;
  nn::linear<C.dim, key_inner, Exec> to_k, to_v;
  nn::linear<inner, C.dim, Exec> to_out;
  index heads, kv_heads;
  bool causal;
  double dropout;

  explicit transformer_attention(workspace<Exec>& work, transformer_shape const& c = C, double rate = 0)
      : norm(work, c.dim),
        to_q(work, {c.dim, c.inner(), false}),
        to_k(work, {c.dim, c.key_inner(), false}),
        to_v(work, {c.dim, c.key_inner(), false}),
        to_out(work, {c.inner(), c.dim, false}),
        heads(c.heads),
        kv_heads(c.kv_heads == 0 ? c.heads : c.kv_heads),
        causal(c.causal),
        dropout(rate) {}

  auto operator()(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x,
                  ops::frame_mask const& mask = {}) const {
    auto const h = norm(ctx, x);                                                   // (batch, frames, dim)
    auto const q = ops::rotary(ctx, to_q(ctx, h), {.heads = heads, .interleaved = true});  // (batch, frames, heads * dim_head)
    auto const k = ops::rotary(ctx, to_k(ctx, h), {.heads = kv_heads, .interleaved = true});  // (batch, frames, kv_heads * dim_head)
    auto const seen = ops::attend(ctx, q, k, to_v(ctx, h), {.heads = heads, .kv_heads = kv_heads, .causal = causal, .keys = mask});
    return ops::dropout(ctx, to_out(ctx, seen), dropout);                          // (batch, frames, dim)
  }

  static void visit(auto& self, auto&& each) {
    each("norm", self.norm);
    each("to_q", self.to_q);
    each("to_k", self.to_k);
    each("to_v", self.to_v);
    each("to_out", self.to_out);
  }
};

/// Keys and values of a context are made once and serve any number of queries. The null key stands in front of them: a row whose
/// context is hidden sees it alone.
/// @shape x (batch, frames, dim)  context (batch, context frames, dim)  mask (batch, 1 + context frames)  returns (batch, frames, dim)
/// @see   spear-tts-pytorch: Attention with add_null_kv
template <transformer_shape C, execution_policy Exec>
struct transformer_cross_attention {
  static constexpr index inner = C.inner();
  using width = axes::dim<C.dim>;

  nn::rms_norm<C.dim, Exec> norm;
  nn::linear<C.dim, inner, Exec> to_q, to_k, to_v;
  nn::linear<inner, C.dim, Exec> to_out;
  parameter<Exec, axes::heads<C.heads>, axes::dim<C.dim_head>> null_k, null_v;
  index heads;
  double dropout;

  explicit transformer_cross_attention(workspace<Exec>& work, transformer_shape const& c = C, double rate = 0)
      : norm(work, c.dim),
        to_q(work, {c.dim, c.inner(), false}),
        to_k(work, {c.dim, c.inner(), false}),
        to_v(work, {c.dim, c.inner(), false}),
        to_out(work, {c.inner(), c.dim, false}),
        null_k(work, {c.heads, c.dim_head}, initialiser::normal(1)),
        null_v(work, {c.heads, c.dim_head}, initialiser::normal(1)),
        heads(c.heads),
        dropout(rate) {}

  /// @shape context (batch, context frames, dim)  returns (batch, 1 + context frames, heads * dim_head)
  auto keys(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& context) const {
    return with_null(ctx, null_k, to_k(ctx, context));
  }
  auto values(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& context) const {
    return with_null(ctx, null_v, to_v(ctx, context));
  }

  auto operator()(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x,
                  tensor_of<axes::batch<>, axes::frames<>, width> auto const& context, ops::frame_mask const& mask) const {
    auto const q = to_q(ctx, norm(ctx, x));                                        // (batch, frames, heads * dim_head)
    auto const seen = ops::attend(ctx, q, keys(ctx, context), values(ctx, context), {.heads = heads, .keys = mask});
    return ops::dropout(ctx, to_out(ctx, seen), dropout);                          // (batch, frames, dim)
  }

  static void visit(auto& self, auto&& each) {
    each("norm", self.norm);
    each("to_q", self.to_q);
    each("to_k", self.to_k);
    each("to_v", self.to_v);
    each("to_out", self.to_out);
    each("null_k", self.null_k);
    each("null_v", self.null_v);
  }

 private:
  static auto with_null(context<Exec> auto& ctx, auto const& null, auto const& x) {
    return ops::prepend_row(ctx, view<axes::dim<inner>>(ctx.use(null), {null.size()}), x);
  }
};

}  // namespace SPEARSTORM_NS::nn
