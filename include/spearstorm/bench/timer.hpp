#pragma once
// Times a user's own op or layer:
//
//   ss::bench::baseline kept{"my_layer.txt"};
//   ss::bench::measure("my layer", [&] { ss::inference<exec> ctx{work}; return layer(ctx, ctx.upload(x)).data(); }, {.against = &kept});
//
// prints `my layer                 120 runs    412.30 us  +-  2.1 %   x 0.97` and keeps the timing for the next run.

#include <chrono>
#include <cmath>
#include <cstdio>

#include "spearstorm/bench/baseline.hpp"

namespace SPEARSTORM_NS::bench {

struct measure_options {
  double seconds = 0.5;         ///< timed at least so long
  index min_runs = 5;           ///< and at least so often
  index warm = 2;               ///< runs before the clock: memory is grown, caches and predictors are filled
  double flops = 0;             ///< of one call; printed as GFLOP/s
  double bytes = 0;             ///< read and written by one call; printed as GB/s
  baseline* against = nullptr;  ///< compared with, and where the timing is kept
  std::FILE* print = stdout;    ///< null prints nothing
};

/// `412.30 us`: three places before the point at most.
inline std::string to_text(double seconds) {
  char text[32];
  bool const tiny = seconds < 1e-3, small = seconds < 1;
  std::snprintf(text, sizeof text, "%.2f %s", seconds * (tiny ? 1e6 : small ? 1e3 : 1), tiny ? "us" : small ? "ms" : "s ");
  return text;
}

/// One line: name, runs, median, quartile range in percent of it, rate, and how the median compares with an earlier one.
inline std::string row(timing const& now, measure_options const& options = {}, timing const* before = nullptr) {
  char text[160];
  std::snprintf(text, sizeof text, " %6td runs  %11s  +- %5.1f %%", now.runs, to_text(now.median).c_str(),
                now.median > 0 ? 50 * now.spread() / now.median : 0.0);
  std::string line = now.name + std::string(now.name.size() < 52 ? 52 - now.name.size() : 0, ' ') + text;
  auto const rate = [&](double work, char const* unit) {
    if (work <= 0 || now.median <= 0) return;
    std::snprintf(text, sizeof text, "  %8.2f %s", work / now.median * 1e-9, unit);
    line += text;
  };
  rate(options.flops, "GFLOP/s");
  rate(options.bytes, "GB/s");
  if (before && before->median > 0) {
    auto const found = compare(*before, now);
    std::snprintf(text, sizeof text, "  x %.2f%s", now.median / before->median,
                  found == verdict::slower   ? "  SLOWER"
                  : found == verdict::faster ? "  faster"
                                             : "");
    line += text;
  }
  return line;
}

/// Tells the compiler that a result is used.
template <class X>
void keep_alive(X const& x) {
  asm volatile("" : : "r"(&x) : "memory");
}

/// Calls f until the time and the runs are reached and prints a row. Calls shorter than 20 us are timed several at once.
/// f returns when its work is done: on a device, let it end with a download.
/// @throws value_error where an option lies outside its range, and what f or the baseline throws
template <class F>
timing measure(std::string name, F&& f, measure_options const& options = {}) {
  using clock = std::chrono::steady_clock;
  check_range("measure", "seconds", options.seconds, 0.0, 1e6);
  check_range<index>("measure", "min_runs", options.min_runs, 1, 1'000'000'000);
  auto const run = [&](index times) {
    auto const begin = clock::now();
    for (index i = 0; i < times; ++i) {
      if constexpr (std::is_void_v<decltype(f())>)
        f();
      else
        keep_alive(f());
    }
    return std::chrono::duration<double>(clock::now() - begin).count();
  };
  double once = 0;
  for (index i = 0; i < options.warm; ++i) once = run(1);
  if (options.warm < 1) once = run(1);
  constexpr double shortest = 20e-6, longest = 1e4;
  auto const together = static_cast<index>(std::min(longest, std::ceil(shortest / std::max(once, 1e-9))));
  std::vector<double> times;
  double total = 0;
  while (total < options.seconds || static_cast<index>(times.size()) < options.min_runs) {
    double const took = run(together);
    total += took;
    times.push_back(took / static_cast<double>(together));
  }
  timing const now = summarize(std::move(name), times);
  if (options.print) {
    std::fprintf(options.print, "%s\n", row(now, options, options.against ? options.against->before(now.name) : nullptr).c_str());
    std::fflush(options.print);
  }
  if (options.against) options.against->keep_(now);
  return now;
}

}  // namespace SPEARSTORM_NS::bench
