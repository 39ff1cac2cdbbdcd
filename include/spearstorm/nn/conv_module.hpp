#pragma once
// The conformer's convolution: norm, gated pointwise, depthwise over frames, silu, channel norm, pointwise.

#include "spearstorm/nn/conformer_shape.hpp"
#include "spearstorm/nn/layer_norm.hpp"
#include "spearstorm/nn/onto_stream.hpp"
#include "spearstorm/ops/channel_norm.hpp"
#include "spearstorm/ops/depthwise_conv.hpp"
#include "spearstorm/ops/gated_linear.hpp"

namespace SPEARSTORM_NS::nn {

/// Masked frames are zeroed before and after the depthwise convolution, so padding's content reaches no real frame.
/// @shape x (batch, frames, dim)  mask (batch, frames)  returns (batch, frames, dim), without the residual
/// @see   soundstorm-pytorch: ConformerConvModule
template <conformer_shape C, execution_policy Exec>
struct conv_module {
  static constexpr index inner = times(C.dim, C.conv_expansion_factor);
  using width = axes::dim<C.dim>;
  using channels = axes::dim<inner>;

  nn::layer_norm<C.dim, Exec> norm;
  nn::linear<C.dim, inner, Exec> value, gate;
  parameter<Exec, axes::kernel<C.conv_kernel_size>, channels> taps;  ///< (kernel, channels)
  parameter<Exec, channels> taps_bias, gamma;
  nn::linear<inner, C.dim, Exec> out;
  index left;  ///< frames before the current one that the kernel sees
  double dropout;

  explicit conv_module(workspace<Exec>& work, conformer_shape const& c = C, double rate = 0)
      : norm(work, c.dim),
        value(work, {c.dim, c.dim * c.conv_expansion_factor}),
        gate(work, {c.dim, c.dim * c.conv_expansion_factor}),
        taps(work, {c.conv_kernel_size, c.dim * c.conv_expansion_factor}, start(c)),
        taps_bias(work, {c.dim * c.conv_expansion_factor}, start(c)),
        gamma(work, {c.dim * c.conv_expansion_factor}, initialiser::ones()),
        out(work, {c.dim * c.conv_expansion_factor, c.dim}),
        left(c.conv_causal ? c.conv_kernel_size - 1 : c.conv_kernel_size / 2),
        dropout(rate) {}

  auto operator()(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x,
                  ops::frame_mask const& mask = {}) const {
    return ops::dropout(ctx, out(ctx, normed(ctx, x, mask)), dropout);             // (batch, frames, dim)
  }
  /// x + what the call returns.
  auto onto(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x,
            ops::frame_mask const& mask = {}) const {
    return onto_stream(ctx, out, normed(ctx, x, mask), dropout, ops::onto_measured(x));  // (batch, frames, dim)
  }

  static void visit(auto& self, auto&& each) {
    each("norm", self.norm);
    each("value", self.value);
    each("gate", self.gate);
    each("taps", self.taps);
    each("taps_bias", self.taps_bias);
    each("gamma", self.gamma);
    each("out", self.out);
  }

 private:
  auto normed(context<Exec> auto& ctx, auto const& x, ops::frame_mask const& mask) const {
    auto const g = ops::gated_linear(ctx, norm.rows(ctx, x), gate, value, sigmoid);  // (batch, frames, channels)
    auto const d = ops::depthwise_conv(ctx, g, taps, taps_bias, {.left = left, .mask = mask});  // (batch, frames, channels)
    return ops::channel_norm_rows(ctx, silu(d), gamma);                            // (batch, frames, channels)
  }
  static initialiser start(conformer_shape const& c) {
    return initialiser::uniform(1 / std::sqrt(static_cast<double>(c.conv_kernel_size)));
  }
};

}  // namespace SPEARSTORM_NS::nn
