#pragma once
// y = f(x W^T + b)

#include <cmath>

#include "spearstorm/nn/size.hpp"
#include "spearstorm/ops/activated_rows.hpp"
#include "spearstorm/ops/linear_onto.hpp"
#include "spearstorm/runtime/visit.hpp"

namespace SPEARSTORM_NS::nn {

struct linear_sizes {
  index in, out;
  bool bias = true;
};

/// @shape x (..., dim = in)  returns (..., dim = out)
/// @see   torch.nn.Linear, whose initialisation it shares: uniform within 1 / sqrt(in)
template <index In, index Out, execution_policy Exec>
struct linear {
  using input = axes::dim<In>;
  using output = axes::dim<Out>;

  parameter<Exec, axes::out<Out>, axes::in<In>> weight;
  std::optional<parameter<Exec, axes::out<Out>>> bias;

  explicit linear(workspace<Exec>& work, linear_sizes sizes = {In, Out})
      : weight(work, {resolve("linear", "out", Out, sizes.out), resolve("linear", "in", In, sizes.in)}, start(sizes)) {
    if (sizes.bias) bias.emplace(work, spearstorm::sizes<1>{sizes.out}, start(sizes));
  }

  /// @param f an element-wise epilogue, e.g. ss::silu
  template <class F = ops::identity>
    requires(!ops::onto_like<F>)
  auto operator()(context<Exec> auto& ctx, ops::rows_ending_in<input> auto const& x, F f = {}) const {
    return bias ? ops::linear<output>(ctx, x, weight, *bias, f) : ops::linear<output>(ctx, x, weight, f);
  }
  /// @param onto ops::onto(residual, scale): what the result is added to
  auto operator()(context<Exec> auto& ctx, ops::rows_ending_in<input> auto const& x, ops::onto_like auto const& onto) const {
    return bias ? ops::linear_onto(ctx, x, weight, *bias, onto) : ops::linear_onto(ctx, x, weight, onto);
  }
  /// f of the result for another product alone, which makes it as it reads it, where the policy's do and a step is recorded.
  auto rows(context<Exec> auto& ctx, ops::rows_ending_in<input> auto const& x, auto f) const {
    return bias ? ops::linear_rows<output>(ctx, x, weight, *bias, f) : ops::linear_rows<output>(ctx, x, weight, f);
  }

  static void visit(auto& self, auto&& each) {
    each("weight", self.weight);
    each("bias", self.bias);
  }

 private:
  static initialiser start(linear_sizes sizes) {
    return initialiser::uniform(1 / std::sqrt(static_cast<double>(std::max<index>(sizes.in, 1))));
  }
};

}  // namespace SPEARSTORM_NS::nn
