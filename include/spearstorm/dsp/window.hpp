#pragma once
// Windows for short-time spectra.

#include <cmath>
#include <numbers>
#include <vector>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::dsp {

/// The periodic Hann window, `torch.hann_window(size)`.
/// @math w[n] = (1 - cos(2 pi n / size)) / 2
inline std::vector<float> hann_window(index size) {
  check_range<index>("hann_window", "size", size, 1, index{1} << 26);
  std::vector<float> window(static_cast<std::size_t>(size));
  for (std::size_t n = 0; n < window.size(); ++n)
    window[n] = static_cast<float>(0.5 - 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(n) / static_cast<double>(size)));
  return window;
}

}  // namespace SPEARSTORM_NS::dsp
