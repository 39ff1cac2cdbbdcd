#pragma once
// Colours by formula: a dark-to-light scale whose steps look equal, and a set of colours for lines that most eyes can tell apart.

#include <algorithm>
#include <cmath>
#include <numbers>

#include "spearstorm/io/image.hpp"

namespace SPEARSTORM_NS::io {

/// Red, green and blue of a colour in OKLCH: lightness 0 to 1, chroma, hue in turns. What no screen shows loses chroma.
/// @see Ottosson 2020, "A perceptual color space for image processing"
inline colour oklch(double lightness, double chroma, double turns) {
  double linear[3];
  for (double c = chroma;; c -= 0.002) {
    double const a = c * std::cos(2 * std::numbers::pi * turns), b = c * std::sin(2 * std::numbers::pi * turns);
    double const l = std::pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
    double const m = std::pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
    double const s = std::pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
    linear[0] = 4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s;
    linear[1] = -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s;
    linear[2] = -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s;
    bool const shown = std::all_of(linear, linear + 3, [](double v) { return v >= -1e-4 && v <= 1.0001; });
    if (shown || c <= 0) break;
  }
  colour rgb{};
  for (std::size_t i = 0; i < 3; ++i) {
    double const v = std::clamp(linear[i], 0.0, 1.0);
    rgb[i] = static_cast<std::uint8_t>(std::lround(255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1 / 2.4) - 0.055)));
  }
  return rgb;
}

/// The scale for quantities, t in [0, 1]: from near black through violet, red and orange to pale yellow, lightness rising evenly.
inline colour heat(double t) {
  t = t > 0 ? std::min(t, 1.0) : 0.0;    // not a number counts as 0
  double const turns = 0.78 + 0.52 * t;  // violet 0.78, red 1.08, yellow 1.30
  return oklch(0.10 + 0.87 * t, 0.04 + 0.17 * std::pow(std::sin(std::numbers::pi * std::pow(t, 0.8)), 0.8), turns - std::floor(turns));
}

/// The n-th line's colour: hues far apart, then the same hues darker.
inline colour line_colour(std::size_t n) {
  static constexpr double hues[] = {0.69, 0.13, 0.42, 0.97, 0.23, 0.83};
  static constexpr double lights[] = {0.55, 0.66, 0.60, 0.60, 0.72, 0.50};
  double const darker = n / 6 % 2 == 1 ? 0.22 : 0.0;
  return oklch(lights[n % 6] - darker, 0.17, hues[n % 6]);
}

}  // namespace SPEARSTORM_NS::io
