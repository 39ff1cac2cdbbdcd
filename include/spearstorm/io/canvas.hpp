#pragma once
// Drawing on a picture: smooth lines, rectangles and text. What lies outside the picture is cut off.

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>
#include <utility>

#include "spearstorm/io/font.hpp"
#include "spearstorm/io/image.hpp"

namespace SPEARSTORM_NS::io {

struct point {
  double x = 0, y = 0;
};
struct box {
  index left = 0, top = 0, right = 0, bottom = 0;
};  ///< right and bottom lie outside

enum class align { left, centre, right };

class canvas {
 public:
  canvas(index width, index height, colour fill = {255, 255, 255}) : picture_(width, height, fill), clip_{0, 0, width, height} {}

  image const& picture() const& { return picture_; }
  image picture() && { return std::move(picture_); }

  /// Restricts what follows to a part of the picture.
  void clip(box const& to) {
    clip_ = {std::max<index>(to.left, 0), std::max<index>(to.top, 0), std::min(to.right, picture_.width),
             std::min(to.bottom, picture_.height)};
  }
  void unclip() { clip({0, 0, picture_.width, picture_.height}); }

  /// Lays `ink` over a pixel; alpha = 1 covers it.
  void blend(index x, index y, colour ink, double alpha = 1) {
    if (x < clip_.left || x >= clip_.right || y < clip_.top || y >= clip_.bottom || !(alpha > 0)) return;
    colour mixed = picture_.at(x, y);
    for (std::size_t c = 0; c < 3; ++c)
      mixed[c] = static_cast<std::uint8_t>(std::lround(mixed[c] + (static_cast<double>(ink[c]) - mixed[c]) * std::min(alpha, 1.0)));
    picture_.set(x, y, mixed);
  }

  void fill(box const& area, colour ink) {
    for (index y = std::max(area.top, clip_.top); y < std::min(area.bottom, clip_.bottom); ++y)
      for (index x = std::max(area.left, clip_.left); x < std::min(area.right, clip_.right); ++x) picture_.set(x, y, ink);
  }
  /// The outermost pixels of `area`.
  void frame(box const& area, colour ink) {
    fill({area.left, area.top, area.right, area.top + 1}, ink);
    fill({area.left, area.bottom - 1, area.right, area.bottom}, ink);
    fill({area.left, area.top, area.left + 1, area.bottom}, ink);
    fill({area.right - 1, area.top, area.right, area.bottom}, ink);
  }

  /// A line with round ends and smooth edges through (x, y) = pixel centres, several points long. Drawn at once, so that joints are
  /// not inked twice.
  void polyline(std::span<point const> points, double width, colour ink) {
    if (points.empty()) return;
    double const reach = width / 2 + 0.5;
    cover_.assign(static_cast<std::size_t>(picture_.width * picture_.height), 0.0f);
    for (std::size_t i = 0; i < points.size(); ++i) cover(points[i == 0 ? 0 : i - 1], points[i], reach);
    for (index y = clip_.top; y < clip_.bottom; ++y)
      for (index x = clip_.left; x < clip_.right; ++x) blend(x, y, ink, cover_[static_cast<std::size_t>(y * picture_.width + x)]);
  }
  void line(point from, point to, double width, colour ink) {
    point const ends[] = {from, to};
    polyline(ends, width, ink);
  }

  static index text_width(std::string_view text, index scale) {
    return text.empty() ? 0 : (font::length(text) * font::advance - 1) * scale;
  }

  /// `x` is the text's left, middle or right, `top` its upper edge; a font pixel is `scale` pixels wide. Nine rows high with descenders.
  void text(index x, index top, std::string_view words, colour ink, index scale = 2, align at = align::left) {
    if (at != align::left) x -= text_width(words, scale) / (at == align::centre ? 2 : 1);
    for (char c : words) {
      if (!font::starts_character(c)) continue;
      font::glyph const& glyph = font::of(c);
      index const y = top + font::drop(c) * scale;
      for (index row = 0; row < font::height; ++row)
        for (index column = 0; column < font::width; ++column)
          if (glyph[static_cast<std::size_t>(row)] >> (font::width - 1 - column) & 1)
            fill({x + column * scale, y + row * scale, x + (column + 1) * scale, y + (row + 1) * scale}, ink);
      x += font::advance * scale;
    }
  }

 private:
  /// Marks how much of each pixel near the segment from a to b the line covers: 1 inside, falling to 0 within one pixel at its edge.
  void cover(point a, point b, double reach) {
    point const step{b.x - a.x, b.y - a.y};
    double const square = step.x * step.x + step.y * step.y;
    auto const pixel = [](double at, index low, index high) {
      return static_cast<index>(std::clamp(at, static_cast<double>(low), static_cast<double>(high)));
    };
    index const left = pixel(std::floor(std::min(a.x, b.x) - reach), clip_.left, clip_.right);
    index const right = pixel(std::ceil(std::max(a.x, b.x) + reach) + 1, clip_.left, clip_.right);
    index const top = pixel(std::floor(std::min(a.y, b.y) - reach), clip_.top, clip_.bottom);
    index const bottom = pixel(std::ceil(std::max(a.y, b.y) + reach) + 1, clip_.top, clip_.bottom);
    for (index y = top; y < bottom; ++y)
      for (index x = left; x < right; ++x) {
        double const px = static_cast<double>(x) - a.x, py = static_cast<double>(y) - a.y;
        double const along = square > 0 ? std::clamp((px * step.x + py * step.y) / square, 0.0, 1.0) : 0.0;
        double const distance = std::hypot(px - along * step.x, py - along * step.y);
        float& covered = cover_[static_cast<std::size_t>(y * picture_.width + x)];
        covered = std::max(covered, static_cast<float>(std::clamp(reach - distance, 0.0, 1.0)));
      }
  }

  image picture_;
  box clip_;
  std::vector<float> cover_;  // of the line being drawn, pixel by pixel
};

}  // namespace SPEARSTORM_NS::io
