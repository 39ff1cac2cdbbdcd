#pragma once
// A picture in memory: rows from the top, three bytes a pixel.

#include <array>
#include <vector>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::io {

using colour = std::array<std::uint8_t, 3>;  ///< red, green, blue

struct image {
  index width = 0, height = 0;
  std::vector<std::uint8_t> rgb;

  image() = default;
  /// One colour all over.
  /// @throws value_error for a size outside 1 to 65536
  image(index wide, index high, colour fill = {255, 255, 255}) : width(wide), height(high) {
    check_range<index>("image", "width", wide, 1, 65536);
    check_range<index>("image", "height", high, 1, 65536);
    rgb.resize(static_cast<std::size_t>(3 * wide * high));
    for (std::size_t i = 0; i < rgb.size(); ++i) rgb[i] = fill[i % 3];
  }

  colour at(index x, index y) const {
    std::size_t const from = static_cast<std::size_t>(3 * (y * width + x));
    return {rgb[from], rgb[from + 1], rgb[from + 2]};
  }
  void set(index x, index y, colour to) {
    std::size_t const from = static_cast<std::size_t>(3 * (y * width + x));
    for (std::size_t c = 0; c < 3; ++c) rgb[from + c] = to[c];
  }
  friend bool operator==(image const&, image const&) = default;
};

}  // namespace SPEARSTORM_NS::io
