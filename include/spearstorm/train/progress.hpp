#pragma once
// How far a run is: one line that is redrawn on a terminal, a line every few seconds elsewhere.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iomanip>
#include <limits>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::train {

/// `42s`, `3m07s`, `2h05m`
inline std::string duration_text(double seconds) {
  if (!(seconds >= 0 && seconds < 1e9)) return "?";
  auto const s = static_cast<long long>(seconds + 0.5);
  auto const two = [](long long n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  if (s < 60) return std::to_string(s) + "s";
  if (s < 3600) return std::to_string(s / 60) + "m" + two(s % 60) + "s";
  return std::to_string(s / 3600) + "h" + two(s / 60 % 60) + "m";
}

/// `950`, `12.3k`, `4.56M`
inline std::string count_text(double n) {
  std::ostringstream text;
  text << std::setprecision(3);
  if (n >= 1e6)
    text << n / 1e6 << "M";
  else if (n >= 1e3)
    text << n / 1e3 << "k";
  else
    text << n;
  return text.str();
}

struct progress_state {
  index done = 0, total = 0;
  double loss = std::numeric_limits<double>::quiet_NaN();  ///< NaN: not shown
  double tokens_per_second = 0;                            ///< 0: not shown
  double seconds = 0;                                      ///< since the start
  index began_at = 0;                                      ///< what was done before the start, for the time left
};

/// ` 40/100 [########------------] loss 1.234  12.3k tokens/s  1m02s left`
inline std::string progress_line(progress_state const& at, index width = 20) {
  std::ostringstream line;
  index const full = at.total > 0 ? std::clamp<index>(at.done * width / at.total, 0, width) : 0;
  line << std::setw(static_cast<int>(std::to_string(at.total).size())) << at.done << "/" << at.total << " ["
       << std::string(static_cast<std::size_t>(full), '#') << std::string(static_cast<std::size_t>(width - full), '-') << "]";
  if (at.loss == at.loss) line << " loss " << std::fixed << std::setprecision(4) << at.loss;
  if (at.tokens_per_second > 0) line << "  " << count_text(at.tokens_per_second) << " tokens/s";
  index const here = at.done - at.began_at;
  if (at.done >= at.total)
    line << "  in " << duration_text(at.seconds);
  else if (here > 0)
    line << "  " << duration_text(at.seconds / static_cast<double>(here) * static_cast<double>(at.total - at.done)) << " left";
  return line.str();
}

struct progress_options {
  std::FILE* out = stdout;
  double every = 5;     ///< seconds between lines where `out` is no terminal
  double redraw = 0.1;  ///< seconds between redraws on a terminal
  std::function<bool(std::FILE*)> is_terminal = [](std::FILE* out) { return ::isatty(::fileno(out)) == 1; };
  std::function<double()> now = [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };
};

class progress_bar {
 public:
  explicit progress_bar(index total, index began_at = 0, progress_options options = {}) : options_(std::move(options)) {
    state_.total = total;
    state_.began_at = state_.done = began_at;
    terminal_ = options_.is_terminal(options_.out);
    start_ = options_.now();
    shown_ = terminal_ ? start_ - 2 * options_.redraw : start_;
  }
  progress_bar(progress_bar const&) = delete;
  progress_bar& operator=(progress_bar const&) = delete;
  ~progress_bar() { finish(); }

  void update(index done, double loss = std::numeric_limits<double>::quiet_NaN(), double tokens_per_second = 0) {
    state_.done = done;
    state_.loss = loss;
    state_.tokens_per_second = tokens_per_second;
    double const now = options_.now();
    dirty_ = true;
    if (now - shown_ >= (terminal_ ? options_.redraw : options_.every) || done >= state_.total) show(now);
  }
  /// A line of its own above the bar.
  void note(std::string const& text) {
    std::fputs(((terminal_ ? "\r\x1b[K" : "") + text + "\n").c_str(), options_.out);
    if (terminal_ && open_) show(options_.now());
    std::fflush(options_.out);
  }
  /// Shows the last state and ends the line; further calls do nothing.
  void finish() {
    if (finished_) return;
    finished_ = true;
    if (dirty_) show(options_.now());
    if (open_) std::fputs("\n", options_.out), std::fflush(options_.out);
  }

 private:
  void show(double now) {
    state_.seconds = now - start_;
    std::string const line = progress_line(state_);
    std::fputs((terminal_ ? "\r" + line + "\x1b[K" : line + "\n").c_str(), options_.out);
    std::fflush(options_.out);
    open_ = terminal_;
    dirty_ = false;
    shown_ = now;
  }

  progress_options options_;
  progress_state state_;
  double start_ = 0, shown_ = 0;
  bool terminal_ = false, dirty_ = false, open_ = false, finished_ = false;
};

}  // namespace SPEARSTORM_NS::train
