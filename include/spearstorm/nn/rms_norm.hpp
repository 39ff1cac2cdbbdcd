#pragma once
// Root-mean-square normalisation with a scale.

#include "spearstorm/nn/size.hpp"
#include "spearstorm/ops/rms_norm.hpp"
#include "spearstorm/runtime/visit.hpp"

namespace SPEARSTORM_NS::nn {

/// @shape x (..., dim)  returns the same
/// @see   gateloop_transformer.RMSNorm (offset 0), hyper_connections.RMSNorm (offset 1)
template <index Dim, execution_policy Exec>
struct rms_norm {
  using width = axes::dim<Dim>;

  parameter<Exec, width> gamma;
  double offset;

  /// @param of_scale added to gamma, which starts at 1 - of_scale
  explicit rms_norm(workspace<Exec>& work, index dim = Dim, double of_scale = 0)
      : gamma(work, {resolve("rms_norm", "dim", Dim, dim)}, {initialiser::kind::constant, 1 - of_scale}), offset(of_scale) {}

  auto operator()(context<Exec> auto& ctx, tensor_ending_in<width> auto const& x) const {
    return ops::rms_norm(ctx, x, gamma, {.offset = offset});
  }
  /// For products alone: they make the rows as they read them, where the policy's do.
  auto rows(context<Exec> auto& ctx, tensor_ending_in<width> auto const& x) const {
    return ops::rms_norm_rows(ctx, x, gamma, {.offset = offset});
  }

  static void visit(auto& self, auto&& each) { each("gamma", self.gamma); }
};

}  // namespace SPEARSTORM_NS::nn
