#pragma once
// Which codes of a row of logits may be sampled at all: the best k, or those that make up a share of the probability.

#include "spearstorm/token/sampling.hpp"

namespace SPEARSTORM_NS::token {

/// The filters apply one after the other; each keeps one token at least.
struct candidate_options {
  double filter_thres = 0.7;  ///< share that is removed, as soundstorm_top_k; 0 keeps all
  index top_k = 0;            ///< how many are kept, whatever filter_thres says; 0: filter_thres decides
  double top_p = 1;           ///< of what is left the likeliest that make up this share, as top_p; 1 keeps all
};

/// @throws value_error where a share lies outside [0, 1] or top_k outside [0, vocabulary]
inline void check_candidates(std::string_view function, candidate_options const& options, index vocabulary) {
  check_range(function, "filter_thres", options.filter_thres, 0.0, 1.0);
  check_range<index>(function, "top_k", options.top_k, 0, vocabulary);
  check_range(function, "top_p", options.top_p, 0.0, 1.0);
}

/// The logits with those of the others removed.
/// @shape logits (vocab)  returns (vocab)
inline std::vector<float> candidates(std::span<float const> logits, candidate_options const& options) {
  auto kept = options.top_k > 0 ? keep_top(logits, options.top_k) : soundstorm_top_k(logits, options.filter_thres);
  return options.top_p < 1 ? top_p(kept, options.top_p) : kept;
}

}  // namespace SPEARSTORM_NS::token
