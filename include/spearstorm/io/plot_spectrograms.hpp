#pragma once
// Spectrograms side by side on one colour scale and one time scale: an original, its re-synthesis, something generated.

#include "spearstorm/io/axis.hpp"
#include "spearstorm/io/canvas.hpp"
#include "spearstorm/io/colours.hpp"
#include "spearstorm/runtime/array.hpp"

namespace SPEARSTORM_NS::io {

/// A spectrogram in dB, one row a frame, low frequencies first.
/// @shape decibels (frames, bins)
struct spectrogram_panel {
  std::string title = {};
  array<float, axes::frames<>, axes::bins<>> decibels = {};
};

struct spectrograms_options {
  std::string title = {};
  double frame_seconds = 0;         ///< hop / rate; 0: the time axis counts frames
  double range_db = 80;             ///< what lies further below the loudest value is drawn as silence
  std::vector<double> bin_hz = {};  ///< middle of each bin (linear, mel or any rising scale); empty: no frequency axis
  index width = 1400, height = 420;
};

namespace detail {

inline constexpr colour spectrogram_ink = {40, 40, 46};

/// Means over the cells that fall into each pixel of `area`; where a cell spans several pixels, they share it.
template <class Colour>
void draw_matrix(canvas& onto, box const& area, array<float, axes::frames<>, axes::bins<>> const& cells, Colour&& colour_of) {
  index const wide = area.right - area.left, high = area.bottom - area.top, frames = cells.extent(0), bins = cells.extent(1);
  auto const first = [](index pixel, index pixels, index count) { return pixel * count / pixels; };
  auto const last = [](index pixel, index pixels, index count) {
    return std::max((pixel + 1) * count / pixels, pixel * count / pixels + 1);
  };
  for (index x = 0; x < wide; ++x)
    for (index y = 0; y < high; ++y) {
      double sum = 0;
      index count = 0;
      for (index f = first(x, wide, frames); f < last(x, wide, frames); ++f)
        for (index b = first(y, high, bins); b < last(y, high, bins); ++b, ++count)
          sum += cells.values()[static_cast<std::size_t>(f * bins + b)];
      index const px = area.left + x, py = area.bottom - 1 - y;
      onto.fill({px, py, px + 1, py + 1}, colour_of(sum / static_cast<double>(count)));
    }
}

/// Round frequencies beside the left panel, as many as fit.
inline void draw_frequencies(canvas& onto, box const& area, std::vector<double> const& bin_hz) {
  static constexpr double round[] = {100, 200, 500, 1000, 2000, 3000, 4000, 5000, 6000, 8000, 10000, 12000, 16000, 20000};
  double const high = static_cast<double>(area.bottom - area.top), bins = static_cast<double>(bin_hz.size());
  index lowest_free = area.bottom + 7;
  for (double const hz : round) {
    auto const above = std::lower_bound(bin_hz.begin(), bin_hz.end(), hz);
    if (above == bin_hz.begin() || above == bin_hz.end()) continue;
    double const place =
        static_cast<double>(above - bin_hz.begin()) - (*above - hz) / (*above - above[-1]) + 0.5;  // in bins from the bottom
    index const y = area.bottom - std::lround(place / bins * high);
    if (y + 9 > lowest_free || y < area.top + 20) continue;  // the unit stands at the top
    onto.fill({area.left - 6, y, area.left, y + 1}, spectrogram_ink);
    onto.text(area.left - 10, y - 7, tick_text(hz, hz >= 1000 ? 1000 : 100), spectrogram_ink, 2, align::right);
    lowest_free = y - 13;
  }
}

/// The colour scale with its decibels.
template <class Colour>
void draw_scale(canvas& onto, box const& area, double low, double high, Colour&& colour_of) {
  double const step = (high - low) / static_cast<double>(area.bottom - area.top);
  for (index y = area.top; y < area.bottom; ++y)
    onto.fill({area.left, y, area.right, y + 1}, colour_of(high - (static_cast<double>(y - area.top) + 0.5) * step));
  for (tick const& each : ticks_of(low, high, std::max<index>((area.bottom - area.top) / 40, 2))) {
    index const y = std::clamp<index>(area.top + std::lround((high - each.value) / step), area.top, area.bottom - 1);
    onto.fill({area.right, y, area.right + 5, y + 1}, spectrogram_ink);
    onto.text(area.right + 12, y - 7, each.text, spectrogram_ink);
  }
  onto.text(area.left, area.top - 22, "dB", spectrogram_ink);
}

}  // namespace detail

/// Draws the panels from left to right; time runs to the right, low frequencies lie at the bottom.
/// @throws value_error without panels, with an empty one or a bad option, shape_error where panels differ in bins
inline image plot_spectrograms(std::vector<spectrogram_panel> const& panels, spectrograms_options const& options = {}) {
  check_range<index>("plot_spectrograms", "panels", static_cast<index>(panels.size()), 1, 32);
  check_range<index>("plot_spectrograms", "height", options.height, 150, 16384);
  check_range("plot_spectrograms", "range_db", options.range_db, 1.0, 1000.0);
  check_range("plot_spectrograms", "frame_seconds", options.frame_seconds, 0.0, 1e6);
  index const bins = panels[0].decibels.extent(1), count = static_cast<index>(panels.size());
  index frames = 0;
  double high = -HUGE_VAL;
  for (spectrogram_panel const& panel : panels) {
    if (panel.decibels.size() == 0) fail<value_error>("plot_spectrograms: panel '", panel.title, "' is empty");
    check_size("plot_spectrograms", "panel '" + panel.title + "'", "bins", panel.decibels.extent(1), "panel '" + panels[0].title + "'",
               bins);
    frames += panel.decibels.extent(0);
    for (float value : panel.decibels)
      if (std::isfinite(value)) high = std::max<double>(high, value);
  }
  if (!options.bin_hz.empty())
    check_size("plot_spectrograms", "bin_hz", "bins", static_cast<index>(options.bin_hz.size()), "the panels", bins);
  if (!std::isfinite(high)) high = 0;  // all silent
  double const low = high - options.range_db;
  std::array<colour, 256> scale;
  for (std::size_t i = 0; i < scale.size(); ++i) scale[i] = heat(static_cast<double>(i) / 255);
  auto const colour_of = [&](double db) {
    return scale[db > low ? static_cast<std::size_t>(std::min((db - low) / (high - low), 1.0) * 255) : 0];
  };

  index const left = options.bin_hz.empty() ? 20 : 72, scale_room = 100, gap = 28;
  index const room = options.width - left - scale_room - gap * (count - 1);
  check_range<index>("plot_spectrograms", "width", options.width, left + scale_room + gap * (count - 1) + 40 * count, 16384);
  index const top = options.title.empty() ? 36 : 70, bottom = options.height - 56;

  canvas onto(options.width, options.height);
  if (!options.title.empty()) onto.text(options.width / 2, 12, options.title, detail::spectrogram_ink, 3, align::centre);
  double const pixels = static_cast<double>(room) / static_cast<double>(frames),
               unit = options.frame_seconds > 0 ? options.frame_seconds : 1;
  double start = static_cast<double>(left);
  for (spectrogram_panel const& panel : panels) {
    double const length = static_cast<double>(panel.decibels.extent(0));
    index const from = std::lround(start), until = std::max<index>(std::lround(start + length * pixels), from + 1);
    box const area{from, top, until, bottom};
    detail::draw_matrix(onto, area, panel.decibels, colour_of);
    onto.clip({area.left, 0, area.right + gap - 6, options.height});
    onto.text(area.left, area.top - 22, panel.title, detail::spectrogram_ink);
    onto.unclip();
    for (tick const& each : ticks_of(0, length * unit, std::max<index>((until - from) / 80, 1))) {
      index const x = std::min(from + static_cast<index>(std::lround(each.value / unit * pixels)), until - 1);
      onto.fill({x, bottom, x + 1, bottom + 6}, detail::spectrogram_ink);
      onto.text(x, bottom + 10, each.text, detail::spectrogram_ink, 2, align::centre);
    }
    start += length * pixels + static_cast<double>(gap);
  }
  onto.text(left + (options.width - left - scale_room) / 2, bottom + 34, options.frame_seconds > 0 ? "seconds" : "frames",
            detail::spectrogram_ink, 2, align::centre);
  if (!options.bin_hz.empty()) {
    detail::draw_frequencies(onto, {left, top, left, bottom}, options.bin_hz);
    onto.text(left - 10, top - 4, "Hz", detail::spectrogram_ink, 2, align::right);
  }
  detail::draw_scale(onto, {options.width - scale_room + gap, top, options.width - scale_room + gap + 16, bottom}, low, high, colour_of);
  return std::move(onto).picture();
}

}  // namespace SPEARSTORM_NS::io
