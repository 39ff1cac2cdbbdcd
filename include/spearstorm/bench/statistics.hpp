#pragma once
// What is told of a set of times: median and quartiles, because a busy machine makes a few of them arbitrarily long.

#include <algorithm>
#include <string>
#include <vector>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::bench {

/// The value below which a share of the values lies, linear between neighbours: share 0 is the least, 0.5 the median.
/// @throws value_error where there is no value or the share lies outside [0, 1]
inline double quantile(std::vector<double> values, double share) {
  if (values.empty()) fail<value_error>("quantile: no values, expected 1 or more");
  check_range("quantile", "share", share, 0.0, 1.0);
  std::sort(values.begin(), values.end());
  double const place = share * static_cast<double>(values.size() - 1);
  auto const below = static_cast<std::size_t>(place), above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

/// How long one call took, over all its runs, in seconds.
struct timing {
  std::string name;
  index runs = 0;
  double median = 0, least = 0;
  double low = 0, high = 0;  ///< first and third quartile

  double spread() const { return high - low; }
};

/// @throws value_error where no run was timed
inline timing summarize(std::string name, std::vector<double> const& seconds) {
  auto const at = [&](double share) { return quantile(seconds, share); };
  return {std::move(name), static_cast<index>(seconds.size()), at(0.5), at(0), at(0.25), at(0.75)};
}

enum class verdict { unknown, same, faster, slower };

/// Two timings differ where their quartile ranges do not touch; all else is the machine's noise.
inline verdict compare(timing const& before, timing const& now) {
  if (now.low > before.high) return verdict::slower;
  if (now.high < before.low) return verdict::faster;
  return verdict::same;
}

}  // namespace SPEARSTORM_NS::bench
