#pragma once
// The conformer's feed-forward: norm, linear, silu, linear.

#include "spearstorm/nn/conformer_shape.hpp"
#include "spearstorm/nn/layer_norm.hpp"
#include "spearstorm/nn/onto_stream.hpp"

namespace SPEARSTORM_NS::nn {

/// @shape x (..., dim)  returns the same, without the residual
/// @see   soundstorm-pytorch: PreNorm(FeedForward)
template <conformer_shape C, execution_policy Exec>
struct feed_forward {
  static constexpr index inner = times(C.dim, C.ff_mult);
  using width = axes::dim<C.dim>;

  nn::layer_norm<C.dim, Exec> norm;
  nn::linear<C.dim, inner, Exec> in;
  nn::linear<inner, C.dim, Exec> out;
  double dropout;

  explicit feed_forward(workspace<Exec>& work, conformer_shape const& c = C, double rate = 0)
      : norm(work, c.dim), in(work, {c.dim, c.dim * c.ff_mult}), out(work, {c.dim * c.ff_mult, c.dim}), dropout(rate) {}

  auto operator()(context<Exec> auto& ctx, tensor_ending_in<width> auto const& x) const {
    return behind(ctx, x, [&](auto const& h) { return ops::dropout(ctx, out(ctx, h), dropout); });  // (..., dim)
  }
  /// x + scale * what the call returns.
  auto onto(context<Exec> auto& ctx, tensor_ending_in<width> auto const& x, double scale = 1) const {
    return behind(ctx, x, [&](auto const& h) { return onto_stream(ctx, out, h, dropout, ops::onto_measured(x, scale)); });  // (..., dim)
  }

  static void visit(auto& self, auto&& each) {
    each("norm", self.norm);
    each("in", self.in);
    each("out", self.out);
  }

 private:
  /// then(h), h (..., inner) for a product: stored where dropout acts on it.
  auto behind(context<Exec> auto& ctx, auto const& x, auto const& then) const {
    auto const n = norm.rows(ctx, x);  // (..., dim)
    if (ops::drops(ctx, dropout)) return then(ops::dropout(ctx, in(ctx, n, silu), dropout));
    return then(in.rows(ctx, n, silu));
  }
};

}  // namespace SPEARSTORM_NS::nn
