#pragma once
// How many tokens are masked at a time t in [0, 1]: while training t is drawn, while decoding it runs from 0 to 1.

#include <algorithm>
#include <functional>
#include <vector>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::token {

/// Any callable that gives the masked share at time t, from 1 at t = 0 down to 0 at t = 1.
/// Departs from soundstorm-pytorch, whose callable schedule always raises.
using schedule = std::function<float(float)>;

/// soundstorm-pytorch's default.
inline float linear_schedule(float t) { return 1.0f - t; }

/// SoundStorm section 3.3, MaskGIT section 3.2: cos(u) with u = t pi / 2.
inline float cosine_schedule(float t) { return cosf(t * 1.57079632679489662f); }

/// The masked share at time t, cut to [0, 1]: rounding may put a schedule's ends a little outside.
/// @throws value_error where the schedule gives a share outside [0, 1] by more than rounding, or no number
inline float masked_share(schedule const& of, float t) {
  float const share = of(t);
  if (!(share >= -1e-4f && share <= 1.0001f)) fail<value_error>("schedule: share at t = ", t, " is ", share, ", expected 0 to 1");
  return std::clamp(share, 0.0f, 1.0f);
}

/// The time after `step` of `steps` equal steps, as torch.linspace(0, 1, steps + 1)[step]: exact at both ends.
inline float time_at(index step, index steps) {
  float const width = 1.0f / static_cast<float>(steps);
  return step < (steps + 1) / 2 ? width * static_cast<float>(step) : 1.0f - width * static_cast<float>(steps - step);
}

/// MaskGIT's number, and soundstorm-pytorch's: of `total` tokens, floor(share(t) * total) are masked after step 0, 1, ... of `steps`.
/// The product is a float32 and cut towards 0, both as in the package, so a whole product may come out one lower. Two steps may give the
/// same number: such a step fixes nothing.
/// @math floor(schedule((step + 1) / steps) * total)
inline index scheduled_count(schedule const& of, index step, index steps, index total) {
  check_range<index>("scheduled_count", "steps", steps, 1, 1 << 20);
  check_range<index>("scheduled_count", "step", step, 0, steps - 1);
  if (total < 0) fail<value_error>("scheduled_count: total = ", total, ", expected 0 or more");
  return std::min(total, static_cast<index>(masked_share(of, time_at(step + 1, steps)) * static_cast<float>(total)));
}

/// Tokens still masked after each of `steps` steps: the scheduled count, but at least one less than before while any is masked,
/// and 0 after the last step, whatever the schedule says there.
/// @math m[s] = max(0, min(scheduled_count(s), m[s-1] - 1)),  m[-1] = total,  m[steps-1] = 0
inline std::vector<index> masked_counts(schedule const& of, index steps, index total) {
  std::vector<index> counts;
  index before = total;
  for (index step = 0; step < steps; ++step) {
    index const scheduled = scheduled_count(of, step, steps, total);
    before = step + 1 == steps ? 0 : std::max<index>(0, std::min(scheduled, before - 1));
    counts.push_back(before);
  }
  return counts;
}

/// One entry of masked_counts.
/// @throws value_error where step lies outside [0, steps)
inline index masked_count(schedule const& of, index step, index steps, index total) {
  check_range<index>("masked_count", "step", step, 0, steps - 1);
  return masked_counts(of, steps, total)[static_cast<std::size_t>(step)];
}

}  // namespace SPEARSTORM_NS::token
