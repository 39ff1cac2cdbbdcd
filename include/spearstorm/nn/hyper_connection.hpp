#pragma once
// A residual connection over several streams, with learned weights of how a branch reads and writes them.

#include "spearstorm/nn/rms_norm.hpp"
#include "spearstorm/ops/connect_streams.hpp"
#include "spearstorm/ops/mix_streams.hpp"
#include "spearstorm/ops/stream_weights.hpp"

namespace SPEARSTORM_NS::nn {

/// Around a branch: `auto wide = c.width(ctx, x); y = c.depth(ctx, branch(wide.branch_input), wide)`.
/// @shape residuals (batch, frames, streams, dim), both ways
/// @math  alpha = tanh(norm(x) W_a) s_a + alpha_static,  beta = tanh(norm(x) w_b) s_b + beta_static;
///        branch_input = sum_s alpha_s0 x_s,  y_m = sum_s alpha_s,m+1 x_s + beta_m branch
/// @see   hyper_connections: HyperConnections with one input view and no fractions;  Zhu et al. 2024, arXiv 2409.19606, algorithm 2
template <index Dim, execution_policy Exec>
struct hyper_connection {
  using width_axis = axes::dim<Dim>;
  using T = typename Exec::value_type;

  nn::rms_norm<Dim, Exec> norm;
  parameter<Exec, axes::streams<>, axes::mixes<>> static_alpha;
  parameter<Exec, axes::out<>, axes::in<Dim>> dynamic_alpha_fn;  ///< the package's is (dim, mixes)
  parameter<Exec, axes::dim<1>> dynamic_alpha_scale;
  parameter<Exec, axes::streams<>> static_beta;
  parameter<Exec, axes::in<Dim>> dynamic_beta_fn;
  parameter<Exec, axes::dim<1>> dynamic_beta_scale;

  /// @param layer the branch reads stream layer % streams at the start.
  ///        Departs from hyper_connections, which draws that stream where no layer_index is given
  hyper_connection(workspace<Exec>& work, index dim, index streams, index layer)
      : norm(work, dim, 1),
        static_alpha(work, {resolve("hyper_connection", "streams", dynamic, streams), streams + 1}, initialiser::zeros()),
        dynamic_alpha_fn(work, {streams + 1, dim}, initialiser::zeros()),
        dynamic_alpha_scale(work, {1}, {initialiser::kind::constant, 1e-2}),
        static_beta(work, {streams}, initialiser::ones()),
        dynamic_beta_fn(work, {dim}, initialiser::zeros()),
        dynamic_beta_scale(work, {1}, {initialiser::kind::constant, 1e-2}) {
    if (layer < 0) fail<value_error>("hyper_connection: layer = ", layer, ", expected 0 or more");
    auto start = static_alpha.to_host();
    for (index s = 0; s < streams; ++s) {
      start(s, 0) = typename Exec::param_type(s == layer % streams);
      start(s, s + 1) = 1;
    }
    static_alpha.assign_(start.values());
  }

  struct connection {
    tensor<T, axes::batch<>, axes::frames<>, width_axis> branch_input;
    tensor<T, axes::batch<>, axes::frames<>, axes::streams<>, width_axis> residuals;   ///< the streams as they were given
    tensor<T, axes::batch<>, axes::frames<>, axes::streams<>, axes::mixes<>> weights;  ///< [alpha, beta]
  };

  /// What the branch reads, and how its output and the streams will be put together.
  /// @shape residuals (batch, frames, streams, dim)
  /// @throws shape_error where residuals has another number of streams
  connection width(context<Exec> auto& ctx,
                   tensor_of<axes::batch<>, axes::frames<>, axes::streams<>, width_axis> auto const& residuals) const {
    using namespace axes;
    auto const x = view<batch<>, frames<>, streams<>, width_axis>(ctx.eval(residuals));  // (batch, frames, streams, dim)
    check_size("hyper_connection", "residuals", "streams", x.extent(2), "the layer", static_beta.size());
    auto const weights = ops::stream_weights(ctx, x, norm.gamma, dynamic_alpha_fn, dynamic_alpha_scale, static_alpha, dynamic_beta_fn,
                                             dynamic_beta_scale, static_beta, {.offset = norm.offset});  // (batch, frames, streams, mixes)
    return {ops::mix_one(ctx, x, weights, 0), x, weights};
  }

  /// @shape branch_output (batch, frames, dim)  returns (batch, frames, streams, dim)
  auto depth(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width_axis> auto const& branch_output,
             connection const& with) const {
    return ops::connect_streams(ctx, with.residuals, with.weights, branch_output);  // (batch, frames, streams, dim)
  }

  static void visit(auto& self, auto&& each) {
    each("norm", self.norm);
    each("static_alpha", self.static_alpha);
    each("dynamic_alpha_fn", self.dynamic_alpha_fn);
    each("dynamic_alpha_scale", self.dynamic_alpha_scale);
    each("static_beta", self.static_beta);
    each("dynamic_beta_fn", self.dynamic_beta_fn);
    each("dynamic_beta_scale", self.dynamic_beta_scale);
  }
};

}  // namespace SPEARSTORM_NS::nn
