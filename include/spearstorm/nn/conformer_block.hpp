#pragma once
// One conformer block: half a feed-forward, attention, convolution, half a feed-forward, norm.

#include "spearstorm/nn/attention.hpp"
#include "spearstorm/nn/conv_module.hpp"
#include "spearstorm/nn/feed_forward.hpp"
#include "spearstorm/nn/gate_loop.hpp"
#include "spearstorm/nn/hyper_connection.hpp"

namespace SPEARSTORM_NS::nn {

/// The four hyper-connections of a block, one around each part.
template <index Dim, execution_policy Exec>
struct block_connections {
  hyper_connection<Dim, Exec> ff1, attn, conv, ff2;

  /// @param layer which block of its trunk: neighbouring parts start on different streams
  block_connections(workspace<Exec>& work, index dim, index streams, index layer)
      : ff1(work, dim, streams, 4 * layer),
        attn(work, dim, streams, 4 * layer + 1),
        conv(work, dim, streams, 4 * layer + 2),
        ff2(work, dim, streams, 4 * layer + 3) {}
};

/// @shape x (batch, frames, dim), or with hyper-connections (batch, frames, streams, dim)  mask (batch, frames)
///        bias (heads, offsets), or nothing  returns the shape of x
/// @see   soundstorm-pytorch: ConformerBlock;  Gulati et al. 2020
template <conformer_shape C, execution_policy Exec>
struct conformer_block {
  using width = axes::dim<C.dim>;

  feed_forward<C, Exec> ff1;
  std::optional<nn::gate_loop<C.dim, Exec>> gateloop;
  attention<C, Exec> attn;
  conv_module<C, Exec> conv;
  feed_forward<C, Exec> ff2;
  nn::layer_norm<C.dim, Exec> post_norm;
  std::optional<block_connections<C.dim, Exec>> hyper;
  bool gives_values;  ///< the first block of a trunk with a value residual: its values outlive it

  explicit conformer_block(workspace<Exec>& work, conformer_shape const& c = C, conformer_options const& o = {}, index layer = 0)
      : ff1(work, c, o.ff_dropout),
        attn(work, c, o.attn_dropout, layer == 0),
        conv(work, c, o.conv_dropout),
        ff2(work, c, o.ff_dropout),
        post_norm(work, c.dim),
        gives_values(layer == 0 && c.values != value_residual::none) {
    if (c.use_gateloop_layers) gateloop.emplace(work, c.dim);
    if (c.num_residual_streams > 1) hyper.emplace(work, c.dim, c.num_residual_streams, layer);
  }

  auto operator()(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x, ops::frame_mask const& mask,
                  first_values<C, Exec>& values, auto const&... bias) const {
    auto frame = ctx.frame_if(!gives_values);
    auto h = ff1.onto(ctx, x, 0.5);                                                // (batch, frames, dim)
    if (gateloop) h = ctx.eval((*gateloop)(ctx, h, mask) + h);                     // (batch, frames, dim)
    h = attn.onto(ctx, h, mask, values, bias...);                                  // (batch, frames, dim)
    h = conv.onto(ctx, h, mask);                                                   // (batch, frames, dim)
    h = ff2.onto(ctx, h, 0.5);                                                     // (batch, frames, dim)
    return frame.keep(post_norm(ctx, h));                                          // (batch, frames, dim)
  }

  auto operator()(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, axes::streams<>, width> auto const& x,
                  ops::frame_mask const& mask, first_values<C, Exec>& values, auto const&... bias) const {
    auto frame = ctx.frame_if(!gives_values);
    auto wide = hyper->ff1.width(ctx, x);                                          // (batch, frames, streams, dim)
    auto h = hyper->ff1.depth(ctx, ff1(ctx, wide.branch_input) * 0.5, wide);       // (batch, frames, streams, dim)
    wide = hyper->attn.width(ctx, h);
    h = hyper->attn.depth(ctx, attn(ctx, wide.branch_input, mask, values, bias...), wide);  // (batch, frames, streams, dim)
    wide = hyper->conv.width(ctx, h);
    h = hyper->conv.depth(ctx, conv(ctx, wide.branch_input, mask), wide);          // (batch, frames, streams, dim)
    wide = hyper->ff2.width(ctx, h);
    h = hyper->ff2.depth(ctx, ff2(ctx, wide.branch_input) * 0.5, wide);            // (batch, frames, streams, dim)
    return frame.keep(post_norm(ctx, h));                                          // (batch, frames, streams, dim)
  }

  /// Without a trunk around it.
  auto operator()(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x, ops::frame_mask const& mask = {},
                  operand auto const&... bias) const {
    first_values<C, Exec> none;
    return (*this)(ctx, x, mask, none, bias...);
  }

  static void visit(auto& self, auto&& each) {
    each("ff1", self.ff1);
    each("gateloop", self.gateloop);
    each("attn", self.attn);
    each("conv", self.conv);
    each("ff2", self.ff2);
    each("post_norm", self.post_norm);
    if (!self.hyper) return;
    each("ff1_hyper", self.hyper->ff1);
    each("attn_hyper", self.hyper->attn);
    each("conv_hyper", self.hyper->conv);
    each("ff2_hyper", self.hyper->ff2);
  }
};

}  // namespace SPEARSTORM_NS::nn
