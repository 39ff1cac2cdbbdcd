#pragma once
// The trunk of SoundStorm: a row of conformer blocks.

#include "spearstorm/nn/conformer_block.hpp"
#include "spearstorm/nn/recompute_block.hpp"
#include "spearstorm/ops/relative_bias.hpp"

namespace SPEARSTORM_NS {

/// Depth is a vector of blocks, so a deep net is no larger a type than a shallow one.
/// @shape x (batch, frames, dim)  mask (batch, frames), 1 for a real frame  returns (batch, frames, dim)
/// With hyper-connections every frame has `num_residual_streams` copies of its features, which are added up at the end.
/// @see   soundstorm-pytorch: Conformer
template <conformer_shape C, execution_policy Exec>
struct conformer {
  static constexpr index buckets = 32;
  using width = axes::dim<C.dim>;

  conformer_shape shape;
  std::vector<nn::conformer_block<C, Exec>> layers;
  std::optional<parameter<Exec, axes::buckets<buckets>, axes::heads<C.heads>>> rel_pos_bias;
  bool recomputes;

  explicit conformer(workspace<Exec>& work, conformer_shape const& c = C, conformer_options const& options = {})
      : shape(nn::resolve(C, c)), recomputes(options.recompute) {
    layers.reserve(static_cast<std::size_t>(shape.depth));
    for (index i = 0; i < shape.depth; ++i) layers.emplace_back(work, shape, options, i);
    if (shape.t5_rel_pos_bias) rel_pos_bias.emplace(work, sizes<2>{buckets, shape.heads}, initialiser::normal(1));
  }

  auto operator()(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x,
                  ops::frame_mask const& mask = {}) const {
    auto const h = view<axes::batch<>, axes::frames<>, width>(ctx.eval(x));        // (batch, frames, dim)
    if (!rel_pos_bias) return through(ctx, h, mask);                               // (batch, frames, dim)
    auto const scale = std::sqrt(static_cast<double>(shape.dim_head));
    auto const bias = ops::relative_bias(ctx, *rel_pos_bias, extent_of<axes::frames>(h), {.max_distance = 128, .scale = scale});  // (heads, offsets)
    return through(ctx, h, mask, bias);                                            // (batch, frames, dim)
  }

  static void visit(auto& self, auto&& each) {
    each("layers", self.layers);
    each("rel_pos_bias", self.rel_pos_bias);
  }

 private:
  auto through(context<Exec> auto& ctx, auto h, ops::frame_mask const& mask, auto const&... bias) const {
    nn::first_values<C, Exec> values;
    if (shape.num_residual_streams > 1) {
      auto wide = ops::expand_streams(ctx, h, shape.num_residual_streams);         // (batch, frames, streams, dim)
      for (auto const& layer : layers) wide = step(ctx, layer, wide, mask, values, bias...);  // (batch, frames, streams, dim)
      return ops::sum_streams(ctx, wide);                                          // (batch, frames, dim)
    }
    for (auto const& layer : layers) h = step(ctx, layer, h, mask, values, bias...);  // (batch, frames, dim)
    return h;
  }
  /// One block; to be run again on the way back where the options say so, but for the block whose values the others read.
  auto step(context<Exec> auto& ctx, nn::conformer_block<C, Exec> const& layer, auto const& h, ops::frame_mask const& mask,
            nn::first_values<C, Exec>& values, auto const&... bias) const {
    if constexpr (std::remove_reference_t<decltype(ctx)>::is_recording)
      if (recomputes && !layer.gives_values) {
        auto const again = [at = &layer](auto& c, auto const& x, auto const& seen, auto before, auto const&... with) {
          return (*at)(c, x, seen, before, with...);
        };
        return nn::recompute_block(ctx, again, h, mask, values, bias...);  // the shape of h
      }
    return layer(ctx, h, mask, values, bias...);  // the shape of h
  }
};

}  // namespace SPEARSTORM_NS
