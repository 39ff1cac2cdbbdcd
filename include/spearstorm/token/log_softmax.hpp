#pragma once
// Logarithms of probabilities from logits, in double: what hypotheses are ranked by.

#include "spearstorm/token/sampling.hpp"

namespace SPEARSTORM_NS::token {

/// @math  l_v - max l - log sum_w exp(l_w - max l);  -inf stays -inf
/// @shape logits (vocab)  returns (vocab)
/// @throws numeric_error where a logit is nan or +inf, or all are -inf
inline std::vector<double> log_softmax(std::span<float const> logits) {
  detail::check_logits("log_softmax", logits);
  double const high = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float l : logits) sum += std::exp(l - high);
  double const total = high + std::log(sum);
  std::vector<double> made;
  for (float l : logits) made.push_back(l - total);
  return made;
}

}  // namespace SPEARSTORM_NS::token
