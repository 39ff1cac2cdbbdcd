#pragma once
// A quantity that falls over the passes of a level: the sampling temperature.

#include "spearstorm/token/schedule.hpp"

namespace SPEARSTORM_NS::token {

/// @math value = to + (from - to) by((step + 1) / steps): the first pass is a step away from `from`, the last one is at `to`
/// @see  soundstorm-pytorch: start_temperature with linear_schedule, to 0; MaskGCT: 1.5 to 0
struct annealing {
  float from = 1, to = 0;
  schedule by = linear_schedule;  ///< share of the way that is left at time t, from 1 down to 0

  /// @throws value_error where `by` leaves [0, 1]
  float at(index step, index steps) const { return to + (from - to) * masked_share(by, time_at(step + 1, steps)); }
};

/// What is left of a level's passes after one of them.
/// @math (steps - 1 - step) / steps
/// @see  soundstorm-pytorch: annealing_scale
constexpr float passes_left(index step, index steps) { return static_cast<float>(steps - 1 - step) / static_cast<float>(steps); }

}  // namespace SPEARSTORM_NS::token
