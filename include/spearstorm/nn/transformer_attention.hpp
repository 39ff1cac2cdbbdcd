#pragma once
// A transformer's two attentions: over its own frames with rotary positions, and over a context with a key that is always there.

#include "spearstorm/nn/onto_stream.hpp"
#include "spearstorm/nn/rms_norm.hpp"
#include "spearstorm/nn/transformer_shape.hpp"
#include "spearstorm/ops/attend.hpp"
#include "spearstorm/ops/linear_rotary.hpp"
#include "spearstorm/ops/prepend_row.hpp"

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
    return ops::dropout(ctx, to_out(ctx, seen(ctx, x, mask)), dropout);            // (batch, frames, dim)
  }
  /// x + what the call returns.
  auto onto(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x,
            ops::frame_mask const& mask = {}) const {
    return onto_stream(ctx, to_out, seen(ctx, x, mask), dropout, ops::onto(x));    // (batch, frames, dim)
  }

  static void visit(auto& self, auto&& each) {
    each("norm", self.norm);
    each("to_q", self.to_q);
    each("to_k", self.to_k);
    each("to_v", self.to_v);
    each("to_out", self.to_out);
  }

 private:
  /// What the heads see, before it is brought together.
  auto seen(context<Exec> auto& ctx, auto const& x, ops::frame_mask const& mask) const {
    auto const h = norm.rows(ctx, x);                                              // (batch, frames, dim)
    auto const turn = ops::make_rotary_table(ctx, h.extent(1), to_q.weight.extent(0) / heads, {.interleaved = true});
    auto const q = ops::linear_rotary<axes::dim<inner>>(ctx, h, to_q.weight, turn);  // (batch, frames, heads * dim_head)
    auto const k = ops::linear_rotary<axes::dim<key_inner>>(ctx, h, to_k.weight, turn);  // (batch, frames, kv_heads * dim_head)
    return ops::attend(ctx, q, k, to_v(ctx, h), {.heads = heads, .kv_heads = kv_heads, .causal = causal, .keys = mask});
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
    return ops::dropout(ctx, to_out(ctx, seen(ctx, x, context, mask)), dropout);   // (batch, frames, dim)
  }
  /// x + what the call returns.
  auto onto(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x,
            tensor_of<axes::batch<>, axes::frames<>, width> auto const& context, ops::frame_mask const& mask) const {
    return onto_stream(ctx, to_out, seen(ctx, x, context, mask), dropout, ops::onto(x));  // (batch, frames, dim)
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
  /// What the heads see, before it is brought together.
  auto seen(context<Exec> auto& ctx, auto const& x, auto const& context, ops::frame_mask const& mask) const {
    auto const q = to_q(ctx, norm.rows(ctx, x));                                   // (batch, frames, heads * dim_head)
    return ops::attend(ctx, q, keys(ctx, context), values(ctx, context), {.heads = heads, .keys = mask});
  }
  static auto with_null(context<Exec> auto& ctx, auto const& null, auto const& x) {
    return ops::prepend_row(ctx, view<axes::dim<inner>>(ctx.use(null), {null.size()}), x);
  }
};

}  // namespace SPEARSTORM_NS::nn
