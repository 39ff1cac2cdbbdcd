#pragma once
// How trainers and probes ask any model for its loss, and the one forward-and-back pass that they share.

#include <concepts>

#include "spearstorm/tape/context.hpp"

namespace SPEARSTORM_NS::train {

/// The tensor in what a model's `loss` returns: itself, or its member `total`.
auto total_of(auto const& loss) {
  if constexpr (tensor_like<std::remove_cvref_t<decltype(loss)>>)
    return loss;
  else
    return loss.total;
}

/// model.loss(ctx, batch)
struct plain_loss {
  auto operator()(auto& ctx, auto const& model, auto const& batch) const { return total_of(model.loss(ctx, batch)); }
};

/// model.loss(ctx, batch, options), e.g. loss_with{token::mask_options{.no_replace_prob = 0}}
template <class Options>
struct loss_with {
  Options options;
  auto operator()(auto& ctx, auto const& model, auto const& batch) const { return total_of(model.loss(ctx, batch, options)); }
};
template <class Options>
loss_with(Options) -> loss_with<Options>;  // clang does not yet deduce for aggregates

/// Any function of (ctx, model, batch) that returns a tensor with one element serves as a loss.
template <class Loss, class Exec, class Model, class Batch>
concept loss_function = requires(Loss const& loss, recording<Exec>& ctx, Model const& model, Batch const& batch) {
  { loss(ctx, model, batch) } -> tensor_like;
};

/// Restores a workspace's random state at its end: what happens in between draws, but does not change what is drawn after.
template <execution_policy Exec>
class random_guard {
 public:
  explicit random_guard(workspace<Exec>& work) : work_(work), before_(work.random()) {}
  random_guard(random_guard const&) = delete;
  ~random_guard() { work_.restore_(before_); }

 private:
  workspace<Exec>& work_;
  random_state before_;
};

}  // namespace SPEARSTORM_NS::train
