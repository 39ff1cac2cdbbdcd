#pragma once
// One conformer block: half a feed-forward, attention, convolution, half a feed-forward, norm.

#include "spearstorm/nn/attention.hpp"
#include "spearstorm/nn/conv_module.hpp"
#include "spearstorm/nn/feed_forward.hpp"

namespace SPEARSTORM_NS::nn {

/// @shape x (batch, frames, dim)  mask (batch, frames)  bias (heads, offsets), or nothing  returns (batch, frames, dim)
/// @see   soundstorm-pytorch: ConformerBlock;  Gulati et al. 2020
template <conformer_shape C, execution_policy Exec>
struct conformer_block {
  using width = axes::dim<C.dim>;

  feed_forward<C, Exec> ff1;
  attention<C, Exec> attn;
  conv_module<C, Exec> conv;
  feed_forward<C, Exec> ff2;
  nn::layer_norm<C.dim, Exec> post_norm;

  explicit conformer_block(workspace<Exec>& work, conformer_shape const& c = C, conformer_options const& o = {})
      : ff1(work, c, o.ff_dropout),
        attn(work, c, o.attn_dropout),
        conv(work, c, o.conv_dropout),
        ff2(work, c, o.ff_dropout),
        post_norm(work, c.dim) {}

  auto operator()(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x, ops::frame_mask const& mask = {},
                  auto const&... bias) const {
    auto frame = ctx.frame();
    auto h = ctx.eval(ff1(ctx, x) * 0.5 + x);                                      // (batch, frames, dim)
    h = ctx.eval(attn(ctx, h, mask, bias...) + h);                                 // (batch, frames, dim)
    h = ctx.eval(conv(ctx, h, mask) + h);                                          // (batch, frames, dim)
    h = ctx.eval(ff2(ctx, h) * 0.5 + h);                                           // (batch, frames, dim)
    return frame.keep(post_norm(ctx, h));                                          // (batch, frames, dim)
  }

  static void visit(auto& self, auto&& each) {
    each("ff1", self.ff1);
    each("attn", self.attn);
    each("conv", self.conv);
    each("ff2", self.ff2);
    each("post_norm", self.post_norm);
  }
};

}  // namespace SPEARSTORM_NS::nn
