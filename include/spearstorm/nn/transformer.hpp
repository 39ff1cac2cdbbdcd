#pragma once
// SPEAR-TTS's transformer: encoder, or decoder over a context.

#include "spearstorm/nn/geglu_feed_forward.hpp"
#include "spearstorm/nn/recompute_block.hpp"
#include "spearstorm/nn/transformer_attention.hpp"

namespace SPEARSTORM_NS {
namespace nn {

/// Attention, attention over the context where there is one, feed-forward; each adds to the stream.
/// @shape x (batch, frames, dim)  returns the same
template <transformer_shape C, execution_policy Exec>
struct transformer_layer {
  static constexpr index ff_inner = C.ff_inner();
  using width = axes::dim<C.dim>;

  transformer_attention<C, Exec> attn;
  std::optional<transformer_cross_attention<C, Exec>> cross_attn;
  geglu_feed_forward<C.dim, ff_inner, Exec> ff;

  explicit transformer_layer(workspace<Exec>& work, transformer_shape const& c = C, transformer_options const& o = {})
      : attn(work, c, o.attn_dropout), ff(work, c.dim, c.ff_inner(), o.ff_dropout) {
    if (c.cross_attend) cross_attn.emplace(work, c, o.attn_dropout);
  }

  auto operator()(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x,
                  ops::frame_mask const& mask) const {
    auto frame = ctx.frame();
    auto const h = attn.onto(ctx, x, mask);                                        // (batch, frames, dim)
    return frame.keep(ff.onto(ctx, h));                                            // (batch, frames, dim)
  }
  auto operator()(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x, ops::frame_mask const& mask,
                  tensor_of<axes::batch<>, axes::frames<>, width> auto const& context, ops::frame_mask const& context_mask) const {
    auto frame = ctx.frame();
    auto h = attn.onto(ctx, x, mask);                                              // (batch, frames, dim)
    h = cross_attn->onto(ctx, h, context, context_mask);                           // (batch, frames, dim)
    return frame.keep(ff.onto(ctx, h));                                            // (batch, frames, dim)
  }

  static void visit(auto& self, auto&& each) {
    each("attn", self.attn);
    each("cross_attn", self.cross_attn);
    each("ff", self.ff);
  }
};

/// The mask of rows that are padded on the left: 1 from each row's start on.
/// @shape returns (batch, frames)
/// @see   spear-tts-pytorch: Transformer's seq_start_pos
inline array<flag, axes::batch<>, axes::frames<>> mask_from_start(std::span<index const> starts, index frames) {
  array<flag, axes::batch<>, axes::frames<>> mask({static_cast<index>(starts.size()), frames});
  for (index b = 0; b < mask.extent(0); ++b)
    for (index t = 0; t < frames; ++t) mask(b, t) = t >= starts[static_cast<std::size_t>(b)];
  return mask;
}

/// What is called with (layer, features) behind each layer, counted from 1, where nobody listens.
struct ignore_layers {
  void operator()(index, auto const&) const {}
};

}  // namespace nn

/// @shape x (batch, frames, dim)  mask (batch, frames), 1 for a real frame  returns (batch, frames, dim)
///        context (batch, context frames, dim)  context_mask (batch, 1 + context frames), its first 1: the null key
/// @see   spear-tts-pytorch: Transformer
template <transformer_shape C, execution_policy Exec>
struct transformer {
  using width = axes::dim<C.dim>;

  transformer_shape shape;
  std::vector<nn::transformer_layer<C, Exec>> layers;
  nn::rms_norm<C.dim, Exec> final_norm;
  bool recomputes;

  explicit transformer(workspace<Exec>& work, transformer_shape const& c = C, transformer_options const& options = {})
      : shape(nn::resolve(C, c)), final_norm(work, c.dim), recomputes(options.recompute) {
    layers.reserve(static_cast<std::size_t>(shape.depth));
    for (index i = 0; i < shape.depth; ++i) layers.emplace_back(work, shape, options);
  }

  /// @param hidden called with (layer, features) behind each layer, counted from 1: hidden states, an early exit
  template <class Hidden = nn::ignore_layers>
  auto operator()(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x, ops::frame_mask const& mask = {},
                  Hidden&& hidden = {}) const {
    if (shape.cross_attend) fail<value_error>("transformer: it attends to a context, but none is given");
    auto h = view<axes::batch<>, axes::frames<>, width>(ctx.eval(x));              // (batch, frames, dim)
    index number = 0;
    for (auto const& layer : layers) {
      h = step(ctx, layer, h, mask);                                               // (batch, frames, dim)
      hidden(++number, h);
    }
    return final_norm(ctx, h);                                                     // (batch, frames, dim)
  }
  template <class Hidden = nn::ignore_layers>
  auto operator()(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x, ops::frame_mask const& mask,
                  tensor_of<axes::batch<>, axes::frames<>, width> auto const& context, ops::frame_mask const& context_mask,
                  Hidden&& hidden = {}) const {
    if (!shape.cross_attend) fail<value_error>("transformer: a context is given, but cross_attend = false");
    auto h = view<axes::batch<>, axes::frames<>, width>(ctx.eval(x));              // (batch, frames, dim)
    auto const seen = view<axes::batch<>, axes::frames<>, width>(ctx.eval(context));  // (batch, context frames, dim)
    index number = 0;
    for (auto const& layer : layers) {
      h = step(ctx, layer, h, mask, seen, context_mask);                           // (batch, frames, dim)
      hidden(++number, h);
    }
    return final_norm(ctx, h);                                                     // (batch, frames, dim)
  }

  static void visit(auto& self, auto&& each) {
    each("layers", self.layers);
    each("final_norm", self.final_norm);
  }

 private:
  /// One layer; to be run again on the way back where the options say so.
  auto step(context<Exec> auto& ctx, nn::transformer_layer<C, Exec> const& layer, auto const& h, auto const&... with) const {
    if constexpr (std::remove_reference_t<decltype(ctx)>::is_recording)
      if (recomputes) {
        auto const again = [at = &layer](auto& c, auto const&... given) { return (*at)(c, given...); };
        return nn::recompute_block(ctx, again, h, with...);                        // (batch, frames, dim)
      }
    return layer(ctx, h, with...);                                                 // (batch, frames, dim)
  }
};

}  // namespace SPEARSTORM_NS
