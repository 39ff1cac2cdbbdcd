#pragma once
// Classifier-free guidance: away from what is likely without the condition, towards what is likely with it.

#include <cmath>
#include <span>
#include <vector>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::token {

struct guidance_options {
  float scale = 1;    ///< w; 1: off. MaskGCT counts from the conditioned side: its 2.5 is 3.5 here
  float rescale = 0;  ///< phi, the share that is brought back to the deviation of `with`; MaskGCT 0.75, Lin et al. 0.7
};

namespace detail {
/// The standard deviation over the finite values; 0 where there are none.
template <class T>
double deviation(std::span<T const> values) {
  double sum = 0, squares = 0;
  for (T v : values) sum += static_cast<double>(v);
  double const mean = sum / static_cast<double>(values.size());
  for (T v : values) squares += (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean);
  return std::sqrt(squares / static_cast<double>(values.size()));
}
}  // namespace detail

/// One row of logits from two: with the condition and without it.
/// @math g = without + w (with - without);  y = (phi std(with) / std(g) + 1 - phi) g, deviations over the row
/// @shape with (vocab)  without (vocab)  returns (vocab)
/// @throws shape_error where the rows differ in length
/// @see  Ho and Salimans 2022 (arXiv 2207.12598); the rescale: Lin et al. 2023 (arXiv 2305.08891) section 3.4; both on tokens: MaskGCT
///       (arXiv 2409.00750), which applies them to features and takes deviations over the batch: ours do not depend on other rows
template <class T>
std::vector<float> guided(std::span<T const> with, std::span<T const> without, guidance_options const& options) {
  check_size("guided", "with", "vocab", static_cast<index>(with.size()), "without", static_cast<index>(without.size()));
  std::vector<float> made(with.size());
  for (std::size_t v = 0; v < made.size(); ++v)
    made[v] = static_cast<float>(without[v]) + options.scale * (static_cast<float>(with[v]) - static_cast<float>(without[v]));
  if (options.rescale == 0) return made;
  double const before = detail::deviation(with), after = detail::deviation(std::span<float const>(made));
  if (!(after > 0)) return made;  // all alike: nothing to bring back
  auto const factor = static_cast<float>(static_cast<double>(options.rescale) * before / after + 1 - static_cast<double>(options.rescale));
  for (float& l : made) l *= factor;
  return made;
}

}  // namespace SPEARSTORM_NS::token
