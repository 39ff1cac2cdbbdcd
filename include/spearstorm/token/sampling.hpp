#pragma once
// Choosing a token from one row of logits, on the host: plain code that other backends are compared with.
// Of equal logits the one with the lower index comes first, everywhere.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "spearstorm/core/error.hpp"
#include "spearstorm/core/random.hpp"

namespace SPEARSTORM_NS::token {

namespace detail {
inline constexpr float removed = -std::numeric_limits<float>::infinity();

/// Logits are numbers or -inf (a removed token), and one at least is finite.
inline void check_logits(std::string_view function, std::span<float const> logits) {
  bool any = false;
  for (std::size_t v = 0; v < logits.size(); ++v) {
    if (std::isnan(logits[v]) || logits[v] == std::numeric_limits<float>::infinity())
      fail<numeric_error>(function, ": logit of token ", v, " is ", logits[v], ", expected a finite number or -inf");
    any = any || logits[v] != removed;
  }
  if (!any) fail<numeric_error>(function, ": none of ", logits.size(), " logits is finite, expected 1 or more");
}

/// Token ids by falling logit.
inline std::vector<std::size_t> by_falling_logit(std::span<float const> logits) {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t l, std::size_t r) { return logits[l] > logits[r]; });
  return order;
}

/// The first `count` tokens of `order` keep their logit, the others are removed.
inline std::vector<float> keep_first(std::span<float const> logits, std::span<std::size_t const> order, std::size_t count) {
  std::vector<float> kept(logits.size(), removed);
  for (std::size_t i = 0; i < count; ++i) kept[order[i]] = logits[order[i]];
  return kept;
}
}  // namespace detail

/// @math exp(l_v - max l) / sum_w exp(l_w - max l), summed in double
/// @throws numeric_error where a logit is nan or +inf, or all are -inf (so do all functions here)
inline std::vector<float> softmax(std::span<float const> logits) {
  detail::check_logits("softmax", logits);
  float const high = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float l : logits) sum += std::exp(static_cast<double>(l) - high);
  std::vector<float> p;
  for (float l : logits) p.push_back(static_cast<float>(std::exp(static_cast<double>(l) - high) / sum));
  return p;
}

/// The probability of the token chosen: the confidence by which decoding ranks its guesses.
inline float confidence(std::span<float const> logits, std::int32_t token) {
  check_range<index>("confidence", "token", token, 0, static_cast<index>(logits.size()) - 1);
  detail::check_logits("confidence", logits);
  float const high = *std::max_element(logits.begin(), logits.end());
  double sum = 0;  // softmax of one token: no other is divided or kept
  for (float l : logits) sum += std::exp(static_cast<double>(l) - high);
  return static_cast<float>(std::exp(static_cast<double>(logits[static_cast<std::size_t>(token)]) - high) / sum);
}

/// The most likely token.
inline std::int32_t argmax(std::span<float const> logits) {
  detail::check_logits("argmax", logits);
  return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

/// Removes all but the k largest logits.
/// @throws value_error where k lies outside [1, vocabulary]
inline std::vector<float> keep_top(std::span<float const> logits, index k) {
  detail::check_logits("keep_top", logits);
  check_range<index>("keep_top", "k", k, 1, static_cast<index>(logits.size()));
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  auto const comes_first = [&](std::size_t l, std::size_t r) { return logits[l] > logits[r] || (logits[l] == logits[r] && l < r); };
  std::nth_element(order.begin(), order.begin() + (k - 1), order.end(), comes_first);  // which k, not their order: no sort
  return detail::keep_first(logits, order, static_cast<std::size_t>(k));
}

/// SoundStorm's top_k: thres is the share that is REMOVED.
/// @math k = ceil((1 - thres) V) in double, as Python; at least 1, where the package would keep nothing
inline index soundstorm_top_k_count(index vocabulary, double thres = 0.9) {
  check_range("soundstorm_top_k", "thres", thres, 0.0, 1.0);
  return std::max<index>(1, static_cast<index>(std::ceil((1.0 - thres) * static_cast<double>(vocabulary))));
}
inline std::vector<float> soundstorm_top_k(std::span<float const> logits, double thres = 0.9) {
  return keep_top(logits, soundstorm_top_k_count(static_cast<index>(logits.size()), thres));
}

/// SPEAR-TTS's top_k: thres is the share that is KEPT, and a k above 0 overrules it.
/// @math k = ceil(thres V) in double, as Python; at least 1
inline index spear_tts_top_k_count(index vocabulary, double thres = 0.1) {
  check_range("spear_tts_top_k", "thres", thres, 0.0, 1.0);
  return std::max<index>(1, static_cast<index>(std::ceil(thres * static_cast<double>(vocabulary))));
}
inline std::vector<float> spear_tts_top_k(std::span<float const> logits, double thres = 0.1, index k = 0) {
  return keep_top(logits, k != 0 ? k : spear_tts_top_k_count(static_cast<index>(logits.size()), thres));
}

/// SPEAR-TTS's top_p: keeps tokens by falling probability until their sum exceeds thres; the one that crosses it is kept; at 1, all.
inline std::vector<float> top_p(std::span<float const> logits, double thres = 0.9) {
  check_range("top_p", "thres", thres, 0.0, 1.0);
  std::vector<float> const p = softmax(logits);
  auto const order = detail::by_falling_logit(logits);
  std::size_t count = 0;
  for (double sum = 0; count < order.size() && (sum <= thres || thres == 1.0); ++count) sum += p[order[count]];
  return detail::keep_first(logits, order, count);
}

/// Logits over a temperature, which counts as 1e-10 at least, as in the packages.
inline std::vector<float> with_temperature(std::span<float const> logits, float temperature) {
  if (!(temperature >= 0)) fail<value_error>("with_temperature: temperature = ", temperature, ", expected 0 or more");
  std::vector<float> scaled;
  for (float l : logits) scaled.push_back(l / std::max(temperature, 1e-10f));
  return scaled;
}

/// Draws a token with probability softmax(logits / temperature) as the argmax of logits / temperature + Gumbel noise. Temperature 0 is
/// argmax itself. The noise of token v is that of (example, position * vocabulary + v) in the stream; position is the frame.
/// @throws value_error where position * vocabulary does not fit 32 bits
inline std::int32_t gumbel_sample(std::span<float const> logits, float temperature, random_stream const& stream, index example,
                                  index position) {
  detail::check_logits("gumbel_sample", logits);
  if (temperature == 0) return argmax(logits);
  index const vocabulary = static_cast<index>(logits.size());
  check_range<index>("gumbel_sample", "position", position, 0, (index{1} << 32) / vocabulary - 1);
  std::vector<float> noisy = with_temperature(logits, temperature);
  for (index v = 0; v < vocabulary; ++v)
    if (noisy[static_cast<std::size_t>(v)] != detail::removed)  // stays removed, whatever the noise
      noisy[static_cast<std::size_t>(v)] +=
          stream.gumbel(static_cast<std::uint32_t>(example), static_cast<std::uint32_t>(position * vocabulary + v));
  return static_cast<std::int32_t>(std::max_element(noisy.begin(), noisy.end()) - noisy.begin());
}

}  // namespace SPEARSTORM_NS::token
