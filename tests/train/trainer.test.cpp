#include "spearstorm/train/trainer.hpp"

#include <malloc.h>

#include "io/scratch.hpp"
#include "train/toy.hpp"

using namespace test_train;
using namespace test_io;
using namespace ss::train;

namespace {

train_options short_run(ss::index steps, std::filesystem::path const& folder = {}) {
  train_options options{.steps = steps, .rate = {.rate = 0.05, .initial = 0.01, .warmup = 10}, .save_every = 10};
  options.folder = folder;
  return options;
}

struct trained {
  ss::workspace<exec> work{{.seed = 5}};
  toy_model model{work};
  train_result result;

  explicit trained(train_options const& options, train_hooks const& hooks = {}, toy_source const& source = {}) {
    result = run(work, model, source, options, hooks);
  }
};

}  // namespace

TEST_CASE("train/trainer: a linear map becomes the one asked for, and the rate follows its schedule") {
  std::vector<double> losses, rates;
  train_hooks hooks;
  hooks.on_step = [&](step_report const& r) { losses.push_back(r.loss), rates.push_back(r.rate); };
  trained const t(short_run(300), hooks);
  CHECK(t.result.step == 300);
  CHECK_FALSE(t.result.stopped);
  REQUIRE(losses.size() == 300);
  CHECK(losses.back() < 0.01);
  CHECK(losses.back() < 0.02 * losses.front());
  CHECK(rates[4] == Approx(0.01 + 0.04 * 0.5));  // step 5 of a warm-up of 10
  CHECK(rates[9] == Approx(0.05));
  CHECK(rates[299] == Approx(0).margin(1e-9));
}

TEST_CASE("train/trainer: the loop that a user writes gives the same bits") {
  trained const ours(short_run(20));
  ss::workspace<exec> work{{.seed = 5}};
  toy_model model(work);
  toy_source const source;
  ss::optim::adamw<exec> optimizer;
  ss::optim::rate_schedule const rate{.rate = 0.05, .initial = 0.01, .warmup = 10, .total = 20};
  for (ss::index step = 0; step < 20; ++step) {
    auto const example = source.at(step);
    ss::recording<exec> ctx{work, {.stochastic = true, .first_example = static_cast<std::uint32_t>(example.first_example)}};
    auto const loss = model.loss(ctx, example.batch);                              // ()
    auto gradients = ctx.gradients(loss);
    optimizer.options.rate = rate.at(step);
    optimizer.step_(work, model, gradients);
  }
  CHECK(values_of(model) == values_of(ours.model));
}

TEST_CASE("train/trainer: the same seed gives the same bits, stopped and resumed or not, evaluated in between or not") {
  scratch folder;
  trained const whole(short_run(60)), again(short_run(60));
  REQUIRE(values_of(whole.model) == values_of(again.model));

  int asked = 0;
  train_hooks hooks;
  hooks.stop = [&] { return ++asked == 23; };  // not at a step that is saved anyway
  ss::index evaluated = 0;
  ss::workspace<exec>* evaluating_on = nullptr;
  hooks.evaluate = [&](ss::index) {
    ss::inference<exec> ctx{*evaluating_on};  // moves the random state on
    return ss::io::json{{"count", ++evaluated}};
  };
  auto options = short_run(60, folder.folder);
  options.evaluate_every = 23;  // where it stops and saves
  ss::workspace<exec> first_work{{.seed = 5}};
  toy_model first_model(first_work);
  evaluating_on = &first_work;
  auto const first = run(first_work, first_model, toy_source{}, options, hooks);
  CHECK(evaluated == 1);
  CHECK(first.stopped);
  CHECK(first.step == 23);
  REQUIRE(values_of(first_model) != values_of(whole.model));

  options.resume = true;
  options.evaluate_every = 7;
  ss::workspace<exec> work{{.seed = 99}};  // the seed comes with the checkpoint
  toy_model model(work);
  evaluating_on = &work;
  auto const second = run(work, model, toy_source{}, options, hooks);
  CHECK(second.step == 60);
  CHECK_FALSE(second.stopped);
  CHECK(evaluated == 6);  // 28, 35, ..., 56
  CHECK(values_of(model) == values_of(whole.model));
  CHECK(work.random() == whole.work.random());
}

TEST_CASE("train/trainer: accumulated batches are the mean of their losses") {
  auto options = short_run(1);
  options.rate.warmup = 0;
  options.adamw.max_grad_norm = 0;
  options.grad_accum_every = 2;
  double norm = 0, loss = 0;
  train_hooks hooks;
  hooks.on_step = [&](step_report const& r) { norm = r.norm, loss = r.loss; };
  trained const t(options, hooks);

  ss::workspace<exec> work{{.seed = 5}};
  toy_model model(work);
  std::vector<double> sum(8);
  double expected = 0;
  for (ss::index k : {0, 1}) {
    ss::recording<exec> ctx{work, {.stochastic = true, .first_example = static_cast<std::uint32_t>(4 * k)}};
    auto const one = model.loss(ctx, toy_source{}.at(k).batch);                    // ()
    expected += ctx.item(one) / 2;
    auto g = ctx.gradients(one);
    auto const w = g.to_host(model.map.weight);
    auto const b = g.to_host(*model.map.bias);
    for (ss::index i = 0; i < 6; ++i) sum[static_cast<std::size_t>(i)] += w.data()[i] / 2;
    for (ss::index i = 0; i < 2; ++i) sum[static_cast<std::size_t>(6 + i)] += b.data()[i] / 2;
  }
  double squares = 0;
  for (double x : sum) squares += x * x;
  CHECK(loss == Approx(expected));
  CHECK(norm == Approx(std::sqrt(squares)).epsilon(1e-5));
}

TEST_CASE("train/trainer: a loss that is not finite names its step and leaves the model as it was, or is left out and counted") {
  trained const before(short_run(7));
  ss::workspace<exec> work{{.seed = 5}};
  toy_model model(work);
  auto options = short_run(7);
  options.rate.total = 7;
  options.steps = 20;
  CHECK_THROWS_WITH(run(work, model, toy_source{.poison_at = 7}, options),
                    "train: the loss of step 8 is inf, expected a finite number; set skip_nonfinite to go on without such steps");
  CHECK(values_of(model) == values_of(before.model));

  scratch folder;
  options = short_run(20, folder.folder);
  options.skip_nonfinite = true;
  trained const skipping(options, {}, {.poison_at = 7});
  CHECK(skipping.result.skipped == 1);
  CHECK(skipping.result.step == 20);
  CHECK(std::isfinite(skipping.result.loss));
  auto const log = run_folder::read_log(folder / "log.jsonl");
  REQUIRE(log.size() == 3);
  CHECK(log[0]["skipped"] == "the loss of step 8 is inf");
  CHECK(log[1]["step"] == 10);
}

TEST_CASE("train/trainer: a folder gets a log and the last checkpoints; a used one is refused, resumed, or cleared on demand") {
  scratch folder;
  auto options = short_run(45, folder / "run");
  options.keep_last = 2;
  trained const t(options);
  run_folder const made(folder / "run", {.resume = true});
  auto const kept = made.checkpoints();
  REQUIRE(kept.size() == 2);
  CHECK(kept.begin()->first == 40);
  CHECK(kept.rbegin()->first == 45);
  auto const log = run_folder::read_log(made.log_path());
  REQUIRE(log.size() == 5);  // 10, 20, 30, 40, and the end
  CHECK(log.back()["step"] == 45);
  for (char const* key : {"loss", "rate", "norm", "tokens_per_second", "seconds"}) CHECK(log.front()[key].is_number());

  CHECK_THROWS_WITH(trained(options), contains("holds the results of an earlier run (2 checkpoints, the last of step 45); set resume"));
  CHECK(made.checkpoints().size() == 2);
  put(folder / "run/notes.txt", "mine");
  options.force_clear_prev_results = true;
  options.steps = 10;
  trained const cleared(options);
  CHECK(cleared.result.step == 10);
  CHECK(made.checkpoints().size() == 1);
  CHECK(content(folder / "run/notes.txt") == "mine");
  options.resume = true;
  CHECK_THROWS_WITH(trained(options), "train: resume and force_clear_prev_results are both set, expected at most one");
}

TEST_CASE("train/trainer: a flag that a signal handler sets stops the run and saves it") {
  scratch folder;
  std::atomic<bool> flag{false};
  train_hooks hooks;
  hooks.stop_flag = &flag;
  hooks.stop = [&] {
    flag = true;
    return false;
  };
  auto options = short_run(1000, folder / "run");
  trained const t(options, hooks);
  CHECK(t.result.stopped);
  CHECK(t.result.step == 2);  // the flag was set after it had been looked at
  CHECK(run_folder::checkpoints_in(folder / "run").count(2) == 1);
}

TEST_CASE("train/trainer: 1000 steps in flat memory") {
  struct bytes {
    std::size_t values, closures, heap;
    bool operator==(bytes const&) const = default;
  };
  ss::workspace<exec> work{{.seed = 5, .threads = 2}};
  toy_model model(work);
  std::map<ss::index, bytes> seen;
  train_hooks hooks;
  hooks.on_step = [&](step_report const& r) {
    if (r.step % 100 != 0) return;
    auto& at = seen[r.step];
    at = {work.values().capacity(), work.closures().capacity(), 0};
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
    auto const heap = ::mallinfo2();
    at.heap = heap.uordblks + heap.hblkhd;
#endif
  };
  for (ss::index step = 100; step <= 1000; step += 100) seen[step];  // so that the map does not grow meanwhile
  CHECK(run(work, model, toy_source{}, short_run(1000), hooks).step == 1000);
  for (auto const& [step, at] : seen) {
    INFO("step " << step);
    CHECK(at.values == seen[200].values);
    CHECK(at.closures == seen[200].closures);
    if (step >= 200) CHECK(at.heap == seen[200].heap);
  }
  CHECK(seen[200].values > 0);
}

TEST_CASE("train/trainer: options out of range are named") {
  auto options = short_run(1);
  options.grad_accum_every = 0;
  CHECK_THROWS_WITH(trained(options), "train: grad_accum_every = 0, expected 1 to 1048576");
  options = short_run(1);
  options.resume = true;
  CHECK_THROWS_WITH(trained(options), "train: resume and force_clear_prev_results expect a folder");
}

TEST_CASE("train/trainer: the average of the weights is evaluated, saved, resumed and in the end the model's") {
  scratch whole, parts;
  auto const with_average = [](std::filesystem::path const& folder, ss::index evaluate_every = 0) {
    auto options = short_run(30, folder);
    options.ema = ss::optim::ema_options{.beta = 0.9, .update_after_step = 5, .update_every = 1};
    options.evaluate_every = evaluate_every;
    return options;
  };

  // By hand: the same steps, and the average of what they gave.
  ss::workspace<exec> work{{.seed = 5}};
  toy_model model(work);
  ss::optim::ema<exec> average({.beta = 0.9, .update_after_step = 5, .update_every = 1});
  train_hooks follow;
  follow.on_step = [&](step_report const&) { average.update_(work, model); };
  run(work, model, toy_source{}, short_run(30), follow);
  auto const last = values_of(model);
  average.copy_to_(work, model);
  auto const wanted = values_of(model);
  REQUIRE(wanted != last);

  trained const ours(with_average(whole.folder));
  CHECK(values_of(ours.model) == wanted);
  toy_model loaded(work);
  run_folder const folder(whole.folder, {.resume = true});
  load_model_(folder.checkpoint_path(30), loaded);
  CHECK(values_of(loaded) == wanted);
  load_model_(folder.checkpoint_path(30), loaded, false);
  CHECK(values_of(loaded) == last);

  train_hooks stop_at_12;
  ss::index steps = 0;
  stop_at_12.on_step = [&](step_report const& r) { steps = r.step; };
  stop_at_12.stop = [&] { return steps + 1 >= 12; };
  auto options = with_average(parts.folder);
  trained const first(options, stop_at_12);
  REQUIRE(first.result.stopped);
  options.resume = true;
  trained const second(options);
  CHECK(values_of(second.model) == wanted);

  // What an evaluation sees is the average; training goes on with the weights.
  ss::workspace<exec> other{{.seed = 5}};
  toy_model seen(other);
  std::vector<float> at_the_end;
  train_hooks look;
  look.evaluate = [&](ss::index) {
    at_the_end = values_of(seen);
    return ss::io::json::object();
  };
  run(other, seen, toy_source{}, with_average({}, 10), look);
  CHECK(at_the_end == wanted);
  CHECK(values_of(seen) == wanted);
}
