#pragma once
// Speculative decoding's decision, on the host: which drafted tokens stand, and which one follows them, so that what comes out is
// distributed as if the large model had drawn every token itself.

#include <algorithm>
#include <span>
#include <vector>

#include "spearstorm/token/sampling.hpp"

namespace SPEARSTORM_NS::token {

/// What gumbel_sample draws from: softmax(logits / temperature); at temperature 0 all on the argmax.
/// @shape logits (vocab)  returns (vocab)
inline std::vector<float> sampling_probabilities(std::span<float const> logits, float temperature) {
  if (temperature != 0) return softmax(with_temperature(logits, temperature));
  std::vector<float> p(logits.size(), 0.0f);
  p[static_cast<std::size_t>(argmax(logits))] = 1;
  return p;
}

/// The token at which the running sum of the weights exceeds u times their total.
/// @throws numeric_error where weights are negative, not finite, or all 0; value_error where u lies outside [0, 1)
inline std::int32_t draw_by_weight(std::span<float const> weights, double u) {
  if (!(u >= 0 && u < 1)) fail<value_error>("draw_by_weight: u = ", u, ", expected 0 to below 1");
  double total = 0;
  for (float w : weights) {
    if (!(w >= 0) || !std::isfinite(w)) fail<numeric_error>("draw_by_weight: a weight is ", w, ", expected a finite number, 0 or more");
    total += w;
  }
  if (!(total > 0)) fail<numeric_error>("draw_by_weight: all of ", weights.size(), " weights are 0, expected one above");
  double sum = 0;
  std::size_t last = 0;
  for (std::size_t v = 0; v < weights.size(); ++v) {
    if (weights[v] == 0) continue;
    last = v;
    if ((sum += weights[v]) > u * total) break;
  }
  return static_cast<std::int32_t>(last);
}

/// What stands of a draft.
struct verdict {
  index accepted;     ///< how many of the drafted tokens stand
  std::int32_t next;  ///< the token behind them
};

/// Token i of the draft stands where all before it do and accept_i * lenience * q_i(token) < p_i(token). Behind the first that does not, a
/// token is drawn from max(p - q, 0); behind a draft that stands as a whole, from the last p.
/// @shape p (gamma + 1, vocab), of the large model  q (gamma, vocab), that the draft was drawn from  drafted (gamma)
/// @param accept   (gamma) uniforms in [0, 1)
/// @param next     (gamma + 1) uniforms in [0, 1), of which the one at `accepted` draws the token behind
/// @param lenience 1: exact. Below 1 more of the draft stands, and no token comes out more often than p / lenience; 0 accepts what p allows
///                 at all
/// @math  P(out = v) = min(p, q) + (1 - sum min(p, q)) max(p - q, 0) / sum max(p - q, 0) = p(v)
/// @throws shape_error where sizes do not fit, value_error where lenience lies outside [0, 1] or a drafted id outside the vocabulary
/// @see   Leviathan et al. 2022 (arXiv 2211.17192) algorithm 1 and appendix A.5
inline verdict verify_draft(std::span<std::vector<float> const> p, std::span<std::vector<float> const> q,
                            std::span<std::int32_t const> drafted, std::span<float const> accept, std::span<float const> next,
                            double lenience = 1) {
  auto const gamma = drafted.size();
  auto const check = [&](std::string_view what, std::size_t found, std::size_t expected) {
    check_size("verify_draft", what, "size", static_cast<index>(found), "the draft", static_cast<index>(expected));
  };
  check("p", p.size(), gamma + 1);
  check("q", q.size(), gamma);
  check("accept", accept.size(), gamma);
  check("next", next.size(), gamma + 1);
  check_range("verify_draft", "lenience", lenience, 0.0, 1.0);
  for (std::size_t i = 0; i < gamma; ++i) {
    check_size("verify_draft", "q", "vocab", static_cast<index>(q[i].size()), "p", static_cast<index>(p[i].size()));
    check_range<index>("verify_draft", "a drafted id", drafted[i], 0, static_cast<index>(p[i].size()) - 1);
    auto const id = static_cast<std::size_t>(drafted[i]);
    if (static_cast<double>(accept[i]) * lenience * static_cast<double>(q[i][id]) < static_cast<double>(p[i][id])) continue;
    std::vector<float> rest(p[i].size());
    float most = 0;
    for (std::size_t v = 0; v < rest.size(); ++v) most = std::max(most, rest[v] = std::max(p[i][v] - q[i][v], 0.0f));
    // nothing is left where p and q differ by rounding alone: then p is what is wanted
    return {static_cast<index>(i), draw_by_weight(most > 0 ? rest : p[i], static_cast<double>(next[i]))};
  }
  return {static_cast<index>(gamma), draw_by_weight(p[gamma], static_cast<double>(next[gamma]))};
}

}  // namespace SPEARSTORM_NS::token
