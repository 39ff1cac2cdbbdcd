#pragma once
// Logarithms of probabilities from logits, in double: what hypotheses are ranked by.

#include "spearstorm/token/sampling.hpp"

namespace SPEARSTORM_NS::token {

/// @math  l_v - max l - log sum_w exp(l_w - max l);  -inf stays -inf
/// @shape logits (vocab)  returns (vocab)
/// @throws numeric_error where a logit is nan or +inf, or all are -inf
inline std::vector<double> log_softmax(std::span<float const> logits) {
  detail::check_logits("log_softmax", logits);
  float const high = detail::highest(logits);
  double const total = static_cast<double>(high) + std::log(detail::sum_of_exp(logits, high));
  std::vector<double> made(logits.begin(), logits.end());
  for (double& l : made) l -= total;
  return made;
}

}  // namespace SPEARSTORM_NS::token
