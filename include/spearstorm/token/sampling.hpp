#pragma once
// Choosing a token from one row of logits, on the host: plain code that other backends are compared with.
// Of equal logits the one with the lower index comes first, everywhere.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "spearstorm/core/error.hpp"
#include "spearstorm/token/row_exp.hpp"
#include "spearstorm/token/row_noise.hpp"

namespace SPEARSTORM_NS::token {

namespace detail {
inline constexpr float removed = -std::numeric_limits<float>::infinity();

/// Logits are numbers or -inf (a removed token), and one at least is finite.
inline void check_logits(std::string_view function, std::span<float const> logits) {
  auto const allowed = [](float l) { return l < std::numeric_limits<float>::infinity(); };  // neither is nan
  int wrong = 0, any = 0;
  for (float l : logits) wrong |= !allowed(l), any |= l > removed;
  for (std::size_t v = 0; wrong && v < logits.size(); ++v)
    if (!allowed(logits[v])) fail<numeric_error>(function, ": logit of token ", v, " is ", logits[v], ", expected a finite number or -inf");
  if (!any) fail<numeric_error>(function, ": none of ", logits.size(), " logits is finite, expected 1 or more");
}

/// The largest of checked logits.
inline float highest(std::span<float const> logits) {
  std::int32_t most = std::numeric_limits<std::int32_t>::min();
  for (float l : logits) most = std::max(most, ordered(l));
  return from_ordered(most);
}
}  // namespace detail

/// @math exp(l_v - max l) / sum_w exp(l_w - max l), summed in double
/// @throws numeric_error where a logit is nan or +inf, or all are -inf (so do all functions here)
inline std::vector<float> softmax(std::span<float const> logits) {
  detail::check_logits("softmax", logits);
  float const high = detail::highest(logits);
  double const sum = detail::sum_of_exp(logits, high);
  std::vector<float> p(logits.size());
  for (std::size_t v = 0; v < p.size(); ++v) p[v] = static_cast<float>(detail::exp_below_0(static_cast<double>(logits[v]) - high) / sum);
  return p;
}

/// The probability of the token chosen: the confidence by which decoding ranks its guesses.
inline float confidence(std::span<float const> logits, std::int32_t token) {
  check_range<index>("confidence", "token", token, 0, static_cast<index>(logits.size()) - 1);
  detail::check_logits("confidence", logits);
  float const high = detail::highest(logits);  // softmax of one token: no other is divided or kept
  auto const own = detail::exp_below_0(static_cast<double>(logits[static_cast<std::size_t>(token)]) - high);
  return static_cast<float>(own / detail::sum_of_exp(logits, high));
}

/// The most likely token.
inline std::int32_t argmax(std::span<float const> logits) {
  detail::check_logits("argmax", logits);
  return static_cast<std::int32_t>(std::find(logits.begin(), logits.end(), detail::highest(logits)) - logits.begin());
}

/// Removes all but the k largest logits.
/// @throws value_error where k lies outside [1, vocabulary]
inline std::vector<float> keep_top(std::span<float const> logits, index k) {
  detail::check_logits("keep_top", logits);
  check_range<index>("keep_top", "k", k, 1, static_cast<index>(logits.size()));
  detail::ordered_row const keys(logits);
  auto [least, of_least] = keys.largest(k);
  std::vector<float> kept(logits.size());
  for (std::size_t v = 0; v < kept.size(); ++v) kept[v] = keys[v] >= least ? logits[v] : detail::removed;
  if (keys.count_from(least) == k) return kept;
  for (std::size_t v = 0; v < kept.size(); ++v)  // more are equal to the last one than there is room for
    if (keys[v] == least && --of_least < 0) kept[v] = detail::removed;
  return kept;
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
  if (thres == 1) return {logits.begin(), logits.end()};
  std::vector<std::int64_t> heap;  // logit and token in one number, the next likeliest on top: only those that are kept are put in order
  for (std::size_t v = 0; v < logits.size(); ++v)
    if (logits[v] != detail::removed)
      heap.push_back(std::int64_t{detail::ordered(logits[v])} * (std::int64_t{1} << 32) - static_cast<std::int64_t>(v));
  std::make_heap(heap.begin(), heap.end());
  std::vector<float> kept(logits.size(), detail::removed);
  for (double sum = 0; !heap.empty() && sum <= thres; heap.pop_back()) {
    std::pop_heap(heap.begin(), heap.end());
    auto const v = static_cast<std::uint32_t>(-heap.back());  // modulo 2^32
    kept[v] = logits[v];
    sum += p[v];
  }
  return kept;
}

/// Logits over a temperature, which counts as 1e-10 at least, as in the packages.
inline std::vector<float> with_temperature(std::span<float const> logits, float temperature) {
  if (!(temperature >= 0)) fail<value_error>("with_temperature: temperature = ", temperature, ", expected 0 or more");
  std::vector<float> scaled(logits.begin(), logits.end());
  for (float& l : scaled) l /= std::max(temperature, 1e-10f);
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
  return detail::noisy_argmax(with_temperature(logits, temperature), stream, static_cast<std::uint32_t>(example),
                              static_cast<std::uint32_t>(position * vocabulary));
}

}  // namespace SPEARSTORM_NS::token
