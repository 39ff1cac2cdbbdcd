#pragma once
// What the bench programs share: their command line, the policies of this build, random inputs.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>

#include "policies.hpp"
#include "spearstorm/bench/timer.hpp"
#include "spearstorm/tape/record.hpp"

namespace bench_run {

namespace ss = spearstorm;

/// bench_gemm [--seconds S] [--threads N] [--policy NAME] [--only TEXT] [--baseline FILE]
struct command_line {
  double seconds = 0.3;
  ss::index threads = 0;
  std::string policy, only;
  std::optional<ss::bench::baseline> kept;

  command_line(int count, char** words) {
    for (int i = 1; i < count; ++i) {
      auto const is = [&](char const* flag) { return std::strcmp(words[i], flag) == 0 && i + 1 < count; };
      if (is("--seconds"))
        seconds = std::atof(words[++i]);
      else if (is("--threads"))
        threads = std::atol(words[++i]);
      else if (is("--policy"))
        policy = words[++i];
      else if (is("--only"))
        only = words[++i];
      else if (is("--baseline"))
        kept.emplace(words[++i]);
      else
        usage(words[0]);
    }
  }
  /// Times f as `policy: what`, unless the command line asks for others.
  template <class F>
  void measure(std::string const& on, std::string const& what, F const& f, ss::bench::measure_options options = {}) {
    if (what.find(only) == what.npos) return;
    options.seconds = seconds;
    options.against = kept ? &*kept : nullptr;
    ss::bench::measure(on + ": " + what, f, options);
  }
  /// f(std::type_identity<Policy>{}, name, largest), largest being the FLOPs that are worth waiting for on that policy.
  template <class F>
  void for_each_policy(F const& f) const {
    test::for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec> which, std::string const& name) {
      double const largest = name == "scalar" ? 2e8 : name == "thrust" ? 2e9 : 1e12;
      if (name.find(policy) != name.npos) f(which, name, largest);
    });
  }

 private:
  [[noreturn]] static void usage(char const* program) {
    std::fprintf(stderr, "%s [--seconds S] [--threads N] [--policy NAME] [--only TEXT] [--baseline FILE]\n", program);
    std::exit(2);
  }
};

/// What `run` returns, or 1 and on stderr why it ended.
template <class F>
int or_say(F const& run) {
  try {
    return run();
  } catch (std::exception const& failed) {
    std::fprintf(stderr, "%s\n", failed.what());
    return 1;
  }
}

template <ss::axis_type... Axes>
ss::array<float, Axes...> random_array(ss::sizes<sizeof...(Axes)> extents, std::uint64_t seed) {
  ss::array<float, Axes...> made(extents);
  ss::random_stream const draws{seed, 0, 0};
  for (ss::index i = 0; i < made.size(); ++i) made.data()[i] = 2 * draws.uniform(0, static_cast<std::uint32_t>(i)) - 1;
  return made;
}

}  // namespace bench_run
