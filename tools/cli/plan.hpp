#pragma once
// What every training command does beside training: Ctrl-C, and steps that fit into a time.

#include <csignal>
#include <cstdio>

#include "command.hpp"
#include "spearstorm/train/dry_run.hpp"
#include "spearstorm/train/trainer.hpp"

namespace cli {

inline std::atomic<bool> stop_wanted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

/// The first Ctrl-C asks to stop after this step, the second ends the program at once.
inline void catch_signals() {
  struct sigaction action = {};
  action.sa_handler = [](int) { stop_wanted = true; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

struct plan_settings {
  fs::path out;
  bool fresh = false;
  double minutes = 0;
  index steps = 1000;
};

/// The options of a run that keeps its checkpoints in a folder, shows a bar and is evaluated five times where nothing else is said.
inline ss::train::train_options in_folder(ss::train::train_options options, fs::path const& out, bool fresh, index save_every,
                                          index evaluate_every) {
  options.folder = out;
  options.resume = !fresh;
  options.force_clear_prev_results = fresh;
  options.save_every = save_every;
  options.evaluate_every = evaluate_every > 0 ? evaluate_every : std::max<index>(options.steps / 5, 1);
  options.keep_last = 2;
  options.progress = true;
  return options;
}

/// How many steps the whole run has: those given, or as many as fit into the minutes, from the speed of some with another network. What an
/// earlier call decided counts, so that the rate's cosine goes on as it began.
/// @param run trains so many steps: run(steps, hooks)
template <class Run>
index planned_steps(plan_settings const& with, Run const& run) {
  if (with.minutes <= 0) return with.steps;
  if (!with.fresh && fs::is_directory(with.out))
    if (auto const found = ss::train::run_folder::checkpoints_in(with.out); !found.empty()) {
      auto const info = ss::train::read_checkpoint_info(found.rbegin()->second);
      if (auto const training = info.configuration.value("training", ss::io::json::object()); training.contains("steps"))
        return training["steps"].get<index>();
    }
  double from = 0, until = 0;
  index const warm = 3, measured = 12;
  ss::train::train_hooks hooks;
  hooks.on_step = [&](ss::train::step_report const& at) { (at.step <= warm ? from : until) = at.seconds; };
  run(warm + measured, hooks);
  double const step_seconds = (until - from) / static_cast<double>(measured);
  index const steps = std::max<index>(static_cast<index>(60 * with.minutes / step_seconds), 20);
  std::printf("%td steps fit into %g minutes\n", steps, with.minutes);
  return steps;
}

/// What is shown before the first step.
template <class Model>
void print_plan(Model const& net, std::size_t rows, char const* what, index steps, index batch, ss::train::step_cost const& cost) {
  std::printf("%s parameters, %zu %s, %td steps of %td examples\n%s\n",
              ss::train::count_text(static_cast<double>(ss::parameter_count(net))).c_str(), rows, what, steps, batch,
              ss::train::text_of(cost).c_str());
  std::fflush(stdout);
}

/// Says that a run was stopped, where it was.
inline void report_stop(ss::train::train_result const& result, char const* command, index steps) {
  if (result.stopped)
    throw stop{interrupted,
               ss::message(command, ": stopped and saved at step ", result.step, " of ", steps, "; the same command goes on from there")};
}

}  // namespace cli
