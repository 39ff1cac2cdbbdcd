#pragma once
// The learning rate over a run: linear warm-up, then a cosine that reaches its end at the last step.

#include <cmath>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::optim {

/// audiolm-pytorch's names and defaults; departs from it in that the cosine's period begins after the warm-up, so it ends at `final`.
struct rate_schedule {
  double rate = 3e-4;
  double initial = 1e-5;  ///< where the warm-up starts
  double final_rate = 0;
  index warmup = 0;  ///< steps
  index total = 0;   ///< steps of the whole run; 0: constant after the warm-up

  /// The rate of step 0, 1, ...
  double at(index step) const {
    if (warmup > 0 && step < warmup) return initial + (rate - initial) * static_cast<double>(step + 1) / static_cast<double>(warmup);
    if (total <= warmup) return rate;
    double const done = std::fmin(1.0, static_cast<double>(step - warmup + 1) / static_cast<double>(total - warmup));
    return final_rate + (rate - final_rate) * 0.5 * (1 + std::cos(3.14159265358979323846 * done));
  }
};

}  // namespace SPEARSTORM_NS::optim
