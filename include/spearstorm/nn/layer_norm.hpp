#pragma once
// Layer normalisation with scale and shift.

#include "spearstorm/nn/size.hpp"
#include "spearstorm/ops/layer_norm.hpp"
#include "spearstorm/runtime/visit.hpp"

namespace SPEARSTORM_NS::nn {

/// @shape x (..., dim)  returns the same
/// @see   torch.nn.LayerNorm
template <index Dim, execution_policy Exec>
struct layer_norm {
  using width = axes::dim<Dim>;

  parameter<Exec, width> gamma, beta;
  double eps;

  explicit layer_norm(workspace<Exec>& work, index dim = Dim, double epsilon = 1e-5)
      : gamma(work, {resolve("layer_norm", "dim", Dim, dim)}, initialiser::ones()), beta(work, {dim}, initialiser::zeros()), eps(epsilon) {}

  auto operator()(context<Exec> auto& ctx, tensor_ending_in<width> auto const& x) const {
    return ops::layer_norm(ctx, x, gamma, beta, eps);
  }
  /// For products alone: they make the rows as they read them, where the policy's do.
  auto rows(context<Exec> auto& ctx, tensor_ending_in<width> auto const& x) const { return ops::layer_norm_rows(ctx, x, gamma, beta, eps); }

  static void visit(auto& self, auto&& each) {
    each("gamma", self.gamma);
    each("beta", self.beta);
  }
};

}  // namespace SPEARSTORM_NS::nn
