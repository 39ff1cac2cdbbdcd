#pragma once
// What a training step will take, before there is one: the loss and its gradients under shape_only, which computes nothing.

#include "spearstorm/backend/counted.hpp"
#include "spearstorm/optim/gradient_slab.hpp"
#include "spearstorm/runtime/summary.hpp"
#include "spearstorm/train/loss.hpp"

namespace SPEARSTORM_NS::train {

/// The products of a batch, and the memory that a step has in use at its fullest.
struct step_cost {
  double flops = 0;     ///< of matrix products, forward and back
  double values = 0;    ///< bytes: activations, their gradients, what the tape keeps
  double weights = 0;   ///< bytes: parameters
  double training = 0;  ///< bytes: gradients, AdamW's two moments, an average where there is one
  double bytes() const { return values + weights + training; }
};

/// `a batch: 12.3 GFLOP of products; memory 0.94 GB: 0.31 of activations, 0.16 of weights, 0.47 of gradients and moments`
inline std::string text_of(step_cost const& cost) {
  std::ostringstream text;
  auto const gb = [](double bytes) { return bytes * 1e-9; };
  text << std::setprecision(3) << "a batch: " << cost.flops * 1e-9 << " GFLOP of products; memory " << gb(cost.bytes())
       << " GB: " << gb(cost.values) << " of activations, " << gb(cost.weights) << " of weights, " << gb(cost.training)
       << " of gradients and moments";
  return text.str();
}

/// Runs the loss and its gradients without computing; a model of shape_only<Exec> takes no memory for its weights that is ever touched.
/// @param model   of the policy shape_only<Exec>, in `work`, with the sizes of the one that will train
/// @param batches the most costly of these many first ones counts: batches of a source may differ in length
/// @param average whether an average of the weights is kept beside them
/// @throws what the model's loss throws: bad sizes are found before the run
template <execution_policy Dry, class Model, class Source, class Loss = plain_loss>
  requires(!verbs::runs<Dry>)
step_cost cost_of_step(workspace<Dry>& work, Model const& model, Source const& source, index batches = 8, Loss const& loss_of = {},
                       bool average = false) {
  step_cost cost;
  auto const numbers = static_cast<double>(parameter_count(model));
  cost.weights = numbers * sizeof(typename Dry::param_type);
  cost.training = cost.weights * (average ? 4 : 3);
  optim::gradient_slab<Dry> slab(model);
  for (index k = 0; k < batches; ++k) {
    auto const item = source.at(k);
    double const before = work.exec().counts->flops;
    {
      recording<Dry> ctx{work, {.stochastic = true, .first_example = static_cast<std::uint32_t>(item.first_example)}};
      slab.clear_();
      ctx.gradients(loss_of(ctx, model, item.batch), slab);
    }
    cost.flops = std::max(cost.flops, work.exec().counts->flops - before);
  }
  cost.values = static_cast<double>(work.values().high_water() + work.closures().high_water());
  return cost;
}

}  // namespace SPEARSTORM_NS::train
