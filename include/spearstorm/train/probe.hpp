#pragma once
// Two questions to any new model before it is trained: does it start at chance, and can it learn one batch by heart?

#include <cmath>

#include "spearstorm/optim/adamw.hpp"
#include "spearstorm/optim/schedule.hpp"
#include "spearstorm/train/loss.hpp"

namespace SPEARSTORM_NS::train {

struct init_report {
  double loss = 0;      ///< mean over the draws
  double expected = 0;  ///< ln(codebook_size): every code equally likely
  double ratio = 0;     ///< loss / expected; 0.95 to 1.05 where nothing is wrong and the codebook is not tiny (torch's linear adds 1/6 nat)
};

/// The loss before training against that of a uniform guess. Leaves the random state as it was.
/// @param draws how many drawn tasks the mean is taken over
/// @throws value_error where codebook_size is below 2
template <execution_policy Exec, class Model, class Batch, class Loss = plain_loss>
init_report loss_at_init(workspace<Exec>& work, Model const& model, Batch const& batch, index codebook_size, index draws = 8,
                         Loss const& loss_of = {}) {
  check_range<index>("loss_at_init", "codebook_size", codebook_size, 2, 2147483646);
  check_range<index>("loss_at_init", "draws", draws, 1, 1 << 20);
  random_guard const guard(work);
  init_report made{.expected = std::log(static_cast<double>(codebook_size))};
  for (index i = 0; i < draws; ++i) {
    inference<Exec> ctx{work};
    made.loss += ctx.item(loss_of(ctx, model, batch)) / static_cast<double>(draws);
  }
  made.ratio = made.loss / made.expected;
  return made;
}
/// For a model whose shape tells its codebook_size.
template <execution_policy Exec, class Model, class Batch>
  requires requires(Model const& model) { model.shape().codebook_size; }
init_report loss_at_init(workspace<Exec>& work, Model const& model, Batch const& batch) {
  return loss_at_init(work, model, batch, model.shape().codebook_size);
}

struct overfit_options {
  index steps = 400;
  double rate = 2e-3;       ///< the highest: a short warm-up, then a cosine to 0
  bool hold_draws = false;  ///< the same masks and dropout in every step; false, the stricter test: new ones in each
  index mean_over = 40;     ///< last steps whose mean is the final loss: single draws vary
};

struct overfit_report {
  double final_loss = 0;
  std::vector<double> curve;  ///< the loss of each step
};

/// Trains on one batch only. A sound model, loss and optimizer drive it to nearly 0; where masks are drawn anew, that takes a batch
/// whose tokens can be told apart when all are masked: one example, or several that differ in what is always shown.
/// @throws numeric_error where a gradient is not finite
template <execution_policy Exec, class Model, class Batch, class Loss = plain_loss>
overfit_report overfit_one_batch(workspace<Exec>& work, Model& model, Batch const& batch, overfit_options const& options = {},
                                 Loss const& loss_of = {}) {
  check_range<index>("overfit_one_batch", "steps", options.steps, 1, 1 << 30);
  check_range<index>("overfit_one_batch", "mean_over", options.mean_over, 1, 1 << 30);
  optim::adamw<Exec> optimizer;
  optim::rate_schedule const schedule{.rate = options.rate, .warmup = options.steps / 20, .total = options.steps};
  random_state const start = work.random();
  overfit_report made;
  for (index step = 0; step < options.steps; ++step) {
    if (options.hold_draws) work.restore_(start);
    recording<Exec> ctx{work, {.stochastic = true}};
    auto const loss = loss_of(ctx, model, batch);                                  // ()
    made.curve.push_back(ctx.item(loss));
    auto gradients = ctx.gradients(loss);
    optimizer.options.rate = schedule.at(step);
    optimizer.step_(work, model, gradients);
  }
  auto const last = std::min<std::size_t>(made.curve.size(), static_cast<std::size_t>(options.mean_over));
  for (std::size_t i = made.curve.size() - last; i < made.curve.size(); ++i) made.final_loss += made.curve[i] / static_cast<double>(last);
  return made;
}

}  // namespace SPEARSTORM_NS::train
