#pragma once
// A trace as a picture: one line of cells for each pass, what it did with each frame on the left, how sure it was on the right.

#include "spearstorm/io/axis.hpp"
#include "spearstorm/io/canvas.hpp"
#include "spearstorm/io/colours.hpp"
#include "spearstorm/soundstorm/trace.hpp"

namespace SPEARSTORM_NS::soundstorm {

struct plot_trace_options {
  std::string title = {};
  index row = 0;             ///< of the batch
  double frame_seconds = 0;  ///< 0: the time axis counts frames
  index width = 1400;
  index line_height = 18;  ///< of one pass
};

namespace detail {

inline constexpr io::colour trace_ink = {40, 40, 46}, trace_nothing = {244, 244, 246};

struct trace_key {
  frame_state state;
  char const* name;
};
inline constexpr trace_key trace_keys[] = {{frame_state::prompt, "prompt"},
                                           {frame_state::fixed_before, "fixed before"},
                                           {frame_state::fixed_now, "fixed now"},
                                           {frame_state::masked, "masked"},
                                           {frame_state::masked_again, "masked again"}};

inline io::colour trace_colour(frame_state state) {
  switch (state) {
    case frame_state::prompt: return io::oklch(0.62, 0.14, 0.40);
    case frame_state::fixed_before: return io::oklch(0.80, 0.07, 0.69);
    case frame_state::fixed_now: return io::oklch(0.47, 0.17, 0.72);
    case frame_state::masked: return {216, 216, 220};
    case frame_state::masked_again: return io::oklch(0.62, 0.19, 0.08);
    case frame_state::padding: break;
  }
  return {255, 255, 255};
}

/// Cells side by side over `area`; where a cell is narrower than a pixel, the first one of a pixel is drawn.
template <class Colour>
void draw_cells(io::canvas& onto, io::box const& area, index cells, Colour const& colour_of) {
  index const wide = area.right - area.left;
  for (index x = 0; x < wide; ++x) onto.fill({area.left + x, area.top, area.left + x + 1, area.bottom}, colour_of(x * cells / wide));
}

/// A time axis under a panel.
inline void draw_frames(io::canvas& onto, io::box const& area, index frames, plot_trace_options const& options) {
  double const unit = options.frame_seconds > 0 ? options.frame_seconds : 1, length = static_cast<double>(frames) * unit;
  for (io::tick const& each : io::ticks_of(0, length, std::max<index>((area.right - area.left) / 80, 1))) {
    index const x = area.left + std::min<index>(std::lround(each.value / length * static_cast<double>(area.right - area.left)),
                                                area.right - area.left - 1);
    onto.fill({x, area.bottom, x + 1, area.bottom + 6}, trace_ink);
    onto.text(x, area.bottom + 10, each.text, trace_ink, 2, io::align::centre);
  }
  onto.text((area.left + area.right) / 2, area.bottom + 34, options.frame_seconds > 0 ? "seconds" : "frames", trace_ink, 2,
            io::align::centre);
}

/// The confidence scale, lying.
inline void draw_confidence_scale(io::canvas& onto, io::box const& area) {
  draw_cells(onto, area, 256, [](index i) { return io::heat(static_cast<double>(i) / 255); });
  onto.text(area.left - 8, area.top, "0", trace_ink, 2, io::align::right);
  onto.text(area.right + 8, area.top, "1", trace_ink);
}

}  // namespace detail

/// Passes run downwards, frames to the right. Levels and steps are counted from 1.
/// @throws value_error for a trace without passes, or a row or size out of range
inline io::image plot_trace(decode_trace const& trace, plot_trace_options const& options = {}) {
  constexpr std::string_view here = "plot_trace";
  if (trace.passes.empty()) fail<value_error>("plot_trace: the trace holds 0 passes, expected 1 or more");
  index const batch = trace.codes.extent(0), frames = trace.codes.extent(1), count = static_cast<index>(trace.passes.size());
  check_range<index>(here, "row", options.row, 0, batch - 1);
  check_range<index>(here, "width", options.width, 700, 16384);
  check_range<index>(here, "line_height", options.line_height, 3, 200);
  check_range(here, "frame_seconds", options.frame_seconds, 0.0, 1e6);
  index const left = 190, gap = 60, top = options.title.empty() ? 40 : 78, bottom = top + count * options.line_height;
  index const panel = (options.width - left - gap - 30) / 2, second = left + panel + gap;
  io::canvas onto(options.width, bottom + 96);
  if (!options.title.empty()) onto.text(options.width / 2, 12, options.title, detail::trace_ink, 3, io::align::centre);
  onto.text(left, top - 24, "what each pass did", detail::trace_ink);
  onto.text(second, top - 24, "confidence of its guesses", detail::trace_ink);
  index next_label = top;
  for (index p = 0; p < count; ++p) {
    auto const& pass = trace.passes[static_cast<std::size_t>(p)];
    index const y = top + p * options.line_height, low = y + options.line_height - (options.line_height > 6 ? 1 : 0);
    detail::draw_cells(onto, {left, y, left + panel, low}, frames,
                       [&](index t) { return detail::trace_colour(static_cast<frame_state>(pass.state(options.row, t))); });
    detail::draw_cells(onto, {second, y, second + panel, low}, frames, [&](index t) {
      return pass.ids(options.row, t) < 0 ? detail::trace_nothing : io::heat(static_cast<double>(pass.confidence(options.row, t)));
    });
    if (y < next_label) continue;  // as many labels as fit
    onto.text(left - 10, y + (options.line_height - 14) / 2,
              "level " + std::to_string(pass.level + 1) + ", " + std::to_string(pass.step + 1) + "/" + std::to_string(pass.steps),
              detail::trace_ink, 2, io::align::right);
    next_label = y + 16;
  }
  detail::draw_frames(onto, {left, top, left + panel, bottom}, frames, options);
  detail::draw_frames(onto, {second, top, second + panel, bottom}, frames, options);
  index x = left;
  for (auto const& key : detail::trace_keys) {
    onto.fill({x, bottom + 70, x + 14, bottom + 84}, detail::trace_colour(key.state));
    onto.text(x + 20, bottom + 70, key.name, detail::trace_ink);
    x += 20 + io::canvas::text_width(key.name, 2) + 22;
  }
  index const scale = std::max(x + 30, second + panel / 2);
  detail::draw_confidence_scale(onto, {scale, bottom + 70, std::max(scale + 40, second + panel - 24), bottom + 84});
  return std::move(onto).picture();
}

}  // namespace SPEARSTORM_NS::soundstorm
