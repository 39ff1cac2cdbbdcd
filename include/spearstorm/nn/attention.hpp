#pragma once
// Multi-head self-attention with rotary positions or a relative bias.

#include "spearstorm/nn/conformer_shape.hpp"
#include "spearstorm/nn/layer_norm.hpp"
#include "spearstorm/nn/linear.hpp"
#include "spearstorm/ops/attend.hpp"
#include "spearstorm/ops/dropout.hpp"
#include "spearstorm/ops/rotary.hpp"

namespace SPEARSTORM_NS::nn {

/// @shape x (batch, frames, dim)  mask (batch, frames), 1 for a real key  bias (heads, offsets)  returns (batch, frames, dim), without the residual
/// @see   soundstorm-pytorch: PreNorm(Attention)
template <conformer_shape C, execution_policy Exec>
struct attention {
  static constexpr index inner = times(C.heads, C.dim_head);
  using width = axes::dim<C.dim>;

  nn::layer_norm<C.dim, Exec> norm;
  nn::linear<C.dim, inner, Exec> to_q, to_k, to_v;
  nn::linear<inner, C.dim, Exec> to_out;
  index heads;
  bool rotary;
  double dropout;

  explicit attention(workspace<Exec>& work, conformer_shape const& c = C, double rate = 0)
      : norm(work, c.dim),
        to_q(work, {c.dim, c.heads * c.dim_head, false}),
        to_k(work, {c.dim, c.heads * c.dim_head, false}),
        to_v(work, {c.dim, c.heads * c.dim_head, false}),
        to_out(work, {c.heads * c.dim_head, c.dim}),
        heads(c.heads),
        rotary(!c.t5_rel_pos_bias),
        dropout(rate) {}

  /// @param bias a tensor (heads, offsets), or nothing
  auto operator()(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x, ops::frame_mask const& mask = {},
                  auto const&... bias) const {
    auto const h = norm(ctx, x);                                                   // (batch, frames, dim)
    auto q = to_q(ctx, h), k = to_k(ctx, h);                                       // (batch, frames, heads * dim_head)
    auto const v = to_v(ctx, h);                                                   // (batch, frames, heads * dim_head)
    if (rotary) q = ops::rotary(ctx, q, {.heads = heads}), k = ops::rotary(ctx, k, {.heads = heads});
    auto const mixed = ops::attend(ctx, q, k, v, bias..., {.heads = heads, .keys = mask});  // (batch, frames, heads * dim_head)
    return ops::dropout(ctx, to_out(ctx, mixed), dropout);                         // (batch, frames, dim)
  }

  static void visit(auto& self, auto&& each) {
    each("norm", self.norm);
    each("to_q", self.to_q);
    each("to_k", self.to_k);
    each("to_v", self.to_v);
    each("to_out", self.to_out);
  }
};

}  // namespace SPEARSTORM_NS::nn
