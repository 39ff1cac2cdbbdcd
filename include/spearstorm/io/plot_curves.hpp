#pragma once
// A line chart: losses over steps, learning rates, accuracies.

#include "spearstorm/io/axis.hpp"
#include "spearstorm/io/canvas.hpp"
#include "spearstorm/io/colours.hpp"

namespace SPEARSTORM_NS::io {

struct curve {
  std::string name = {};  ///< for the legend; empty: not listed
  std::vector<double> x = {}, y = {};
};

struct curves_options {
  std::string title = {}, x_label = {}, y_label = {};
  index width = 1000, height = 560;
};

namespace detail {

/// The span of all finite values with a little air; [0, 1] where there are none.
struct range {
  double low = HUGE_VAL, high = -HUGE_VAL;

  void take(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  void widen(double share) {
    if (low > high) low = 0, high = 1;
    double const air = high > low ? (high - low) * share : std::max(std::abs(low) * 0.1, 1e-9);
    low -= air;
    high += air;
  }
};

inline constexpr colour ink = {40, 40, 46}, faint = {228, 228, 232}, edge = {150, 150, 156};

/// Names with a dash of their colour, in rows as wide as the picture allows. Returns the height used.
inline index draw_legend(canvas& onto, std::vector<curve> const& curves, index left, index right, index top) {
  constexpr index dash = 28, gap = 26, row = 24;
  index x = left, y = top;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    if (curves[i].name.empty()) continue;
    index const width = dash + 8 + canvas::text_width(curves[i].name, 2);
    if (x > left && x + width > right) x = left, y += row;
    onto.line({x + 1.0, y + 6.5}, {x + dash - 2.0, y + 6.5}, 3.5, line_colour(i));
    onto.text(x + dash + 8, y, curves[i].name, ink);
    x += width + gap;
  }
  return x == left && y == top ? 0 : y + row - top;
}

}  // namespace detail

/// Draws each curve in a colour of its own, over a grid with round numbers. Values that are not finite interrupt their curve.
/// @throws shape_error where a curve has more x than y or fewer, value_error for a picture below 200 x 150
inline image plot_curves(std::vector<curve> const& curves, curves_options const& options = {}) {
  check_range<index>("plot_curves", "width", options.width, 200, 16384);
  check_range<index>("plot_curves", "height", options.height, 150, 16384);
  detail::range across, up;
  for (curve const& each : curves) {
    check_size("plot_curves", "curve '" + each.name + "'", "y", static_cast<index>(each.y.size()), "its x",
               static_cast<index>(each.x.size()));
    for (std::size_t i = 0; i < each.x.size(); ++i) {
      if (!std::isfinite(each.x[i]) || !std::isfinite(each.y[i])) continue;
      across.take(each.x[i]);
      up.take(each.y[i]);
    }
  }
  across.widen(0.0);
  up.widen(0.05);

  canvas onto(options.width, options.height);
  index top = 14;
  if (!options.title.empty()) {
    onto.text(options.width / 2, top, options.title, detail::ink, canvas::text_width(options.title, 3) < options.width - 20 ? 3 : 2,
              align::centre);
    top += 34;
  }
  top += detail::draw_legend(onto, curves, 20, options.width - 20, top);
  if (!options.y_label.empty()) {  // level, above its axis: easier to read than turned text
    onto.text(20, top, options.y_label, detail::ink);
    top += 22;
  }
  index const bottom = options.height - (options.x_label.empty() ? 34 : 58);
  auto const y_ticks = ticks_of(up.low, up.high, std::max<index>((bottom - top) / 60, 2));
  index label = 0;
  for (tick const& each : y_ticks) label = std::max(label, canvas::text_width(each.text, 2));
  box const area{20 + label + 10, top, options.width - 28, bottom};
  auto const x_ticks = ticks_of(across.low, across.high, std::max<index>((area.right - area.left) / 110, 2));
  auto const at_x = [&](double x) {
    return area.left + (x - across.low) / (across.high - across.low) * static_cast<double>(area.right - 1 - area.left);
  };
  auto const at_y = [&](double y) {
    return area.bottom - 1 - (y - up.low) / (up.high - up.low) * static_cast<double>(area.bottom - 1 - area.top);
  };

  for (tick const& each : x_ticks) {
    index const x = std::lround(at_x(each.value));
    onto.fill({x, area.top, x + 1, area.bottom}, detail::faint);
    onto.text(x, area.bottom + 9, each.text, detail::ink, 2, align::centre);
  }
  for (tick const& each : y_ticks) {
    index const y = std::lround(at_y(each.value));
    onto.fill({area.left, y, area.right, y + 1}, detail::faint);
    onto.text(area.left - 9, y - 7, each.text, detail::ink, 2, align::right);
  }
  onto.frame(area, detail::edge);
  onto.text((area.left + area.right) / 2, area.bottom + 34, options.x_label, detail::ink, 2, align::centre);

  onto.clip({area.left + 1, area.top + 1, area.right - 1, area.bottom - 1});
  for (std::size_t i = 0; i < curves.size(); ++i) {
    std::vector<point> run;
    for (std::size_t k = 0; k <= curves[i].x.size(); ++k) {
      bool const drawn = k < curves[i].x.size() && std::isfinite(curves[i].x[k]) && std::isfinite(curves[i].y[k]);
      if (drawn) run.push_back({at_x(curves[i].x[k]), at_y(curves[i].y[k])});
      if (!drawn && !run.empty()) {
        onto.polyline(run, run.size() == 1 ? 6 : 2.5, line_colour(i));
        run.clear();
      }
    }
  }
  return std::move(onto).picture();
}

}  // namespace SPEARSTORM_NS::io
