#pragma once
// Numbers along a picture's edge: round steps (1, 2 or 5 times a power of ten) and their texts.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <vector>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::io {

struct tick {
  double value = 0;
  std::string text;
};

/// `value` with as many digits as steps of `step` need: 0.25, 1.5, 20k, 3M. Independent of the locale.
inline std::string tick_text(double value, double step) {
  char const* unit = step >= 1e6 ? "M" : step >= 1e3 ? "k" : "";
  double const scale = step >= 1e6 ? 1e6 : step >= 1e3 ? 1e3 : 1;
  value = std::abs(value) < step / 1000 ? 0 : value / scale;  // never -0
  int const power = static_cast<int>(std::floor(std::log10(step / scale) + 1e-9));
  char text[64];
  auto const end = power < -6 || std::abs(value) >= 1e15
                       ? std::to_chars(text, text + 64, value, std::chars_format::general, 4)
                       : std::to_chars(text, text + 64, value, std::chars_format::fixed, std::max(-power, 0));
  return std::string(text, end.ptr) + (value == 0 ? "" : unit);
}

/// Round values inside [low, high], about `wanted` of them.
/// @throws value_error unless low < high and both are finite
inline std::vector<tick> ticks_of(double low, double high, index wanted) {
  if (!(low < high) || !std::isfinite(high - low)) fail<value_error>("ticks_of: range from ", low, " to ", high);
  double const rough = (high - low) / static_cast<double>(std::max<index>(wanted, 1));
  double const power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (double const round : {5.0, 2.0, 1.0})
    if (round * power >= rough * (1 - 1e-9)) step = round * power;
  std::vector<tick> ticks;
  double const first = std::ceil(low / step - 1e-9), last = std::floor(high / step + 1e-9);
  for (double at = first; at <= last && ticks.size() < 100; at += 1) ticks.push_back({at * step, tick_text(at * step, step)});
  return ticks;
}

}  // namespace SPEARSTORM_NS::io
