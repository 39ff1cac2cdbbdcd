#pragma once
// The loop. Its core is what a user may write as well:
//
//   for (index step = 0; step < steps; ++step) {
//     auto const example = source.at(step);
//     recording<Exec> ctx{work, {.stochastic = true}};
//     auto const loss = model.loss(ctx, example.batch).total;
//     auto gradients = ctx.gradients(loss);
//     optimizer.options.rate = rate.at(step);
//     optimizer.step_(work, model, gradients);
//   }
//
// `run` adds accumulation, guards, a log, evaluation, checkpoints, and resuming bit by bit.

#include <atomic>

#include "spearstorm/optim/gradient_slab.hpp"
#include "spearstorm/optim/schedule.hpp"
#include "spearstorm/train/batches.hpp"
#include "spearstorm/train/checkpoint.hpp"
#include "spearstorm/train/loss.hpp"
#include "spearstorm/train/progress.hpp"
#include "spearstorm/train/run_folder.hpp"

namespace SPEARSTORM_NS::train {

/// Names of the packages' trainers where they have one.
struct train_options {
  index steps = 1000;                        ///< of the whole run, those before a resumption included
  optim::rate_schedule rate{.warmup = 100};  ///< a total of 0 becomes `steps`
  optim::adamw_options adamw{};              ///< its rate is the schedule's
  std::optional<optim::ema_options> ema{};   ///< keep an average of the weights: evaluated, saved, and the model's when all steps are done
  index grad_accum_every = 1;                ///< batches a step; the loss is the mean of their losses
  index log_every = 10;                      ///< 0: never, as in the following
  index evaluate_every = 0;
  index save_every = 1000;                      ///< and at the end
  index keep_last = 3;                          ///< checkpoints; 0: all
  std::filesystem::path folder{};               ///< empty: no file is written
  bool resume = false;                          ///< go on from the folder's last checkpoint, or begin where there is none
  bool force_clear_prev_results = false;        ///< remove the checkpoints and the log of an earlier run in the folder
  bool skip_nonfinite = false;                  ///< leave out a step whose loss or gradient is not finite, instead of throwing
  bool progress = false;                        ///< a progress bar on stdout
  io::json configuration = io::json::object();  ///< written into each checkpoint
};

/// One step that was taken, or left out.
struct step_report {
  index step = 0;  ///< steps done
  double loss = 0, rate = 0, norm = 0, tokens_per_second = 0, seconds = 0;
  bool skipped = false;
};

/// Called between steps; none of them may change the random state: it is restored behind them.
struct train_hooks {
  std::function<void(step_report const&)> on_step{};
  std::function<io::json(index step)> evaluate{};  ///< every evaluate_every steps; what it returns goes into the log
  std::function<bool()> stop{};                    ///< asked after each step
  std::atomic<bool> const* stop_flag = nullptr;    ///< the same, for a signal handler to set
};

struct train_result {
  index step = 0;        ///< steps done in the whole run
  index skipped = 0;     ///< steps left out since this call began
  double loss = 0;       ///< of the last step
  double seconds = 0;    ///< since this call began
  bool stopped = false;  ///< before all steps were done
};

namespace detail {

/// Tokens a second over about the last 20 steps.
class speed_meter {
 public:
  double add(index tokens, double seconds) {
    tokens_ = 0.95 * tokens_ + static_cast<double>(tokens);
    seconds_ = 0.95 * seconds_ + seconds;
    return seconds_ > 0 ? tokens_ / seconds_ : 0;
  }

 private:
  double tokens_ = 0, seconds_ = 0;
};

/// Forward and back over the batches of one step, whose losses the optimizer is told. Returns their tokens.
template <execution_policy Exec, class Model, batch_source Source, class Loss>
index accumulate(workspace<Exec>& work, Model const& model, Source const& source, index step, index batches, optim::adamw<Exec>& optimizer,
                 optim::gradient_slab<Exec>& slab, Loss const& loss_of) {
  index tokens = 0;
  slab.clear_();
  for (index k = step * batches; k < (step + 1) * batches; ++k) {
    auto const item = source.at(k);
    recording<Exec> ctx{work, {.stochastic = true, .first_example = static_cast<std::uint32_t>(item.first_example)}};
    auto const loss = loss_of(ctx, model, item.batch);                             // ()
    optimizer.add_loss_(ctx, loss, batches);
    tokens += item.tokens;
    if (batches == 1)
      ctx.gradients(loss, slab);
    else
      ctx.gradients(ctx.eval(loss * (1.0 / static_cast<double>(batches))), slab);
  }
  return tokens;
}

/// Why a step was left out; empty where it was taken.
inline std::string reason_of(optim::step_outcome const& outcome, index step) {
  if (outcome.taken) return {};
  return std::isfinite(outcome.loss) ? message("the gradients' norm of step ", step, " is ", outcome.norm)
                                     : message("the loss of step ", step, " is ", outcome.loss);
}

inline void check_options(train_options const& o) {
  check_range<index>("train", "steps", o.steps, 0, index{1} << 40);
  check_range<index>("train", "grad_accum_every", o.grad_accum_every, 1, 1 << 20);
  for (auto const& [name, value] : {std::pair{"log_every", o.log_every},
                                    {"evaluate_every", o.evaluate_every},
                                    {"save_every", o.save_every},
                                    {"keep_last", o.keep_last}})
    check_range<index>("train", name, value, 0, index{1} << 40);
  if (o.folder.empty() && (o.resume || o.force_clear_prev_results))
    fail<value_error>("train: resume and force_clear_prev_results expect a folder");
}

inline io::json options_json(train_options const& o) {
  return {{"steps", o.steps},
          {"rate", o.rate.rate},
          {"initial_rate", o.rate.initial},
          {"final_rate", o.rate.final_rate},
          {"warmup", o.rate.warmup},
          {"beta1", o.adamw.beta1},
          {"beta2", o.adamw.beta2},
          {"eps", o.adamw.eps},
          {"weight_decay", o.adamw.weight_decay},
          {"max_grad_norm", o.adamw.max_grad_norm},
          {"ema_beta", o.ema ? o.ema->beta : 0.0},
          {"grad_accum_every", o.grad_accum_every}};
}

}  // namespace detail

/// Trains until `steps` steps are done or a hook says stop. A run that stops and resumes in its folder is bit-identical to one that does not,
/// given the same options and source; a run without folder begins with the model and the random state as they are.
/// @param loss_of (ctx, model, batch) -> tensor (): plain_loss, loss_with{options}, or your own
/// @throws numeric_error that names the step where a loss or norm is not finite (the model is as before that step); value_error where an
///         option lies outside its range or the folder is used; format_error where its checkpoint is of another model
template <execution_policy Exec, class Model, batch_source Source, class Loss = plain_loss>
train_result run(workspace<Exec>& work, Model& model, Source const& source, train_options const& options = {},
                 train_hooks const& hooks = {}, Loss const& loss_of = {}) {
  detail::check_options(options);
  optim::rate_schedule schedule = options.rate;
  if (schedule.total == 0) schedule.total = options.steps;
  optim::adamw<Exec> optimizer(options.adamw);
  std::optional<optim::ema<Exec>> average;
  if (options.ema) average.emplace(*options.ema);
  auto* const kept = average ? &*average : nullptr;
  std::optional<run_folder> folder;
  if (!options.folder.empty()) folder.emplace(options.folder, folder_options{options.resume, options.force_clear_prev_results});

  train_result result;
  index saved = -1;
  if (folder) {
    auto const found = folder->checkpoints();
    if (!found.empty()) saved = result.step = load_checkpoint_(found.rbegin()->second, work, model, optimizer, kept).step;
    folder->rewind_log(result.step);
  }
  auto const save = [&] {
    if (!folder || saved == result.step) return;
    io::json configuration = options.configuration;
    configuration["training"] = detail::options_json(options);
    save_checkpoint(folder->checkpoint_path(result.step), work, model, optimizer, result.step, configuration, kept);
    folder->prune(options.keep_last);
    saved = result.step;
  };
  auto const due = [&](index every) { return every > 0 && result.step % every == 0; };
  auto const now = [start = std::chrono::steady_clock::now()] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  std::optional<progress_bar> bar;
  if (options.progress) bar.emplace(options.steps, result.step);

  optim::gradient_slab<Exec> slab(model);
  detail::speed_meter speed;
  double window_loss = 0;
  index window = 0;
  while (result.step < options.steps && !result.stopped) {
    double const began = now();
    index const step = result.step++;
    step_report report{.step = result.step, .rate = schedule.at(step)};
    optimizer.options.rate = report.rate;
    index const tokens = detail::accumulate(work, model, source, step, options.grad_accum_every, optimizer, slab, loss_of);
    optimizer.enqueue_(work, model, slab);
    auto const outcome = optimizer.settle_(work);
    report.loss = result.loss = outcome.loss;
    if (auto const reason = detail::reason_of(outcome, report.step); !reason.empty()) {
      if (!options.skip_nonfinite)
        fail<numeric_error>("train: ", reason, ", expected a finite number; set skip_nonfinite to go on without such steps");
      report.skipped = true;
      ++result.skipped;
      if (folder) folder->log({{"step", report.step}, {"skipped", reason}});
    } else {
      report.norm = outcome.norm;
      window_loss += report.loss, ++window;
      if (average) average->update_(work, model);
    }
    result.seconds = report.seconds = now();
    report.tokens_per_second = speed.add(tokens, report.seconds - began);
    result.stopped = (hooks.stop_flag && hooks.stop_flag->load()) || (hooks.stop && hooks.stop());

    bool const last = result.step == options.steps || result.stopped;
    if (bar) bar->update(result.step, report.loss, report.tokens_per_second);
    if (folder && window > 0 && options.log_every > 0 && (due(options.log_every) || last)) {
      folder->log({{"step", report.step},
                   {"loss", window_loss / static_cast<double>(window)},
                   {"rate", report.rate},
                   {"norm", report.norm},
                   {"tokens_per_second", report.tokens_per_second},
                   {"seconds", report.seconds}});  // the loss is a mean since the line before
      window_loss = 0, window = 0;
    }
    {
      random_guard const guard(work);
      if (hooks.on_step) hooks.on_step(report);
      if (hooks.evaluate && due(options.evaluate_every)) {
        auto const found = [&] {
          std::optional<optim::with_ema<Exec, Model>> averaged;
          if (average && average->steps() > 0) averaged.emplace(work, *average, model);
          return hooks.evaluate(result.step);
        }();
        if (folder) folder->log({{"step", report.step}, {"evaluate", found}});
      }
    }
    if (due(options.save_every) || last) save();
  }
  save();
  result.stopped = result.step < options.steps;
  if (!result.stopped && average && average->steps() > 0) average->copy_to_(work, model);
  return result;
}

}  // namespace SPEARSTORM_NS::train
