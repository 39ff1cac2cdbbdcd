// Training where the host cannot read what is computed: the batch's ids go in, loss and norm come out, and nothing else crosses.

#include <algorithm>

#include "far_memory.hpp"
#include "io/scratch.hpp"
#include "spearstorm/core/tolerance.hpp"
#include "spearstorm/soundstorm/model.hpp"
#include "spearstorm/spear_tts/model.hpp"
#include "spearstorm/train/trainer.hpp"

using namespace test;
using namespace ss::train;
namespace token = ss::token;

namespace {

/// Two examples of six frames, the second one padded; in every second batch the embeddings of a pass before are shown. A critic judges
/// what is sampled in the step.
struct sound_batch {
  ss::soundstorm::token_batch batch;
  ss::soundstorm::drawn_task task;
};
struct sound_source {
  static constexpr ss::soundstorm_shape shape{
      .codebook_size = 11,
      .num_quantizers = 2,
      .body = {.dim = 8, .depth = 2, .dim_head = 4, .heads = 2, .ff_mult = 2, .conv_kernel_size = 3},
      .num_semantic_token_ids = 5,
      .self_cond = true,
      .self_token_critic = true};

  struct item {
    sound_batch batch;
    ss::index first_example, tokens;
  };
  item at(ss::index k) const {
    ss::random_stream const draws{7, static_cast<std::uint32_t>(k), 0};
    item made{
        {{.codes = token::code_array({2, 6, 2}), .valid = token::all_valid(2, 6), .semantic = token::id_array({2, 6})}, {}}, 2 * k, 22};
    auto& [batch, task] = made.batch;
    for (std::uint32_t i = 0; i < 24; ++i) batch.codes.data()[i] = static_cast<std::int32_t>(draws.below(11, 0, i));
    for (std::uint32_t i = 0; i < 12; ++i) batch.semantic.data()[i] = static_cast<std::int32_t>(draws.below(5, 1, i));
    batch.valid(1, 5) = 0;
    task.mask = token::draw_mask(batch.codes, batch.valid, 11, {}, draws, 0);
    task.self_cond = k % 2 == 1;
    return made;
  }
  static auto model_on(auto& work) {
    using Exec = typename std::remove_reference_t<decltype(work)>::exec_type;
    return ss::soundstorm::model<ss::dynamic_soundstorm, Exec>{work, shape};
  }
  static auto loss(auto& ctx, auto const& model, sound_batch const& of) { return model.loss_of(ctx, of.batch, of.task).total; }
};

/// Rows of 4 and 2, and of 2 and 3 ids; the loss of batches in `poisoned` is not finite.
struct pair_source {
  std::vector<ss::index> poisoned{};

  struct numbered_pairs {
    token::pair_batch pairs;
    float factor;
  };
  struct item {
    numbered_pairs batch;
    ss::index first_example, tokens;
  };
  item at(ss::index k) const {
    auto const id = static_cast<std::int32_t>(k % 5);
    bool const bad = std::count(poisoned.begin(), poisoned.end(), k) > 0;
    return {{{token::pad_rows(std::vector<token::sequence>{{1, id, 8, 4}, {2, 5}}),
              token::pad_rows(std::vector<token::sequence>{{6, 0}, {id, 2, 3}})},
             bad ? std::numeric_limits<float>::infinity() : 1.0f},
            2 * k,
            11};
  }
  static auto model_on(auto& work) {
    using Exec = typename std::remove_reference_t<decltype(work)>::exec_type;
    return ss::text_to_semantic<ss::dynamic_text_to_semantic, Exec>{work,
                                                                    {.dim = 8,
                                                                     .source_depth = 1,
                                                                     .target_depth = 1,
                                                                     .num_text_token_ids = 9,
                                                                     .num_semantic_token_ids = 7,
                                                                     .dim_head = 4,
                                                                     .heads = 2,
                                                                     .ff_mult = 2}};
  }
  static auto loss(auto& ctx, auto const& model, numbered_pairs const& of) {
    using kind = ss::spear_tts::token_kind;
    return ctx.eval(model.loss(ctx, of.pairs, kind::text, kind::speech).total * of.factor);
  }
};

template <class Source>
struct loss_of_source {
  auto operator()(auto& ctx, auto const& model, auto const& batch) const { return Source::loss(ctx, model, batch); }
};

struct history {
  std::vector<float> values;  ///< all parameters in the end
  std::vector<double> losses, norms;
  std::vector<traffic> in, out;  ///< of each step
  train_result result;
};

train_options six_steps(double max_grad_norm = 0) {
  train_options options{.steps = 6, .rate = {.rate = 0.01, .warmup = 3}, .adamw = {.weight_decay = 0.1, .max_grad_norm = max_grad_norm}};
  options.ema = ss::optim::ema_options{.beta = 0.5, .update_after_step = 2, .update_every = 1};
  return options;
}

template <class Exec, class Source>
history trained_on(Source const& source, train_options const& options, std::function<bool()> stop = {}) {
  ss::workspace<Exec> work{{.seed = 5}};
  auto model = Source::model_on(work);
  history made;
  traffic in, out;
  train_hooks hooks;
  hooks.stop = std::move(stop);
  hooks.on_step = [&](step_report const& report) {
    made.losses.push_back(report.loss), made.norms.push_back(report.norm);
    made.in.push_back(far_memory::in - in), made.out.push_back(far_memory::out - out);
    in = far_memory::in, out = far_memory::out;
  };
  made.result = run(work, model, source, options, hooks, loss_of_source<Source>{});
  ss::for_each_parameter(model, [&](std::string const&, auto const& p) {
    auto const host = p.to_host();
    made.values.insert(made.values.end(), host.begin(), host.end());
  });
  return made;
}

/// Trains in the host's reach and out of it: the numbers are the same, to the bit where no norm's rounding enters them.
template <class Source>
history check_same(Source const& source) {
  history const near = trained_on<near_device>(source, six_steps()), away = trained_on<far_device>(source, six_steps());
  CHECK(away.losses == near.losses);
  CHECK(away.values == near.values);
  for (std::size_t i = 0; i < near.norms.size(); ++i) CHECK(away.norms[i] == Approx(near.norms[i]).epsilon(1e-5));

  double const clipping = 0.5 * *std::min_element(near.norms.begin(), near.norms.end());
  history const clipped = trained_on<near_device>(source, six_steps(clipping)),
                far_clipped = trained_on<far_device>(source, six_steps(clipping));
  REQUIRE(clipped.values != near.values);
  auto const within = ss::tolerance_of<float>(ss::computed::whole_model);
  for (std::size_t i = 0; i < clipped.values.size(); ++i) REQUIRE(ss::agree(far_clipped.values[i], clipped.values[i], within));
  return away;
}

}  // namespace

TEST_CASE(
    "train/transfers: of a SoundStorm's step, codes, rows, targets, mask, condition and the critic's places go in, loss and norm come "
    "out") {
  history const found = check_same(sound_source{});
  REQUIRE(found.in.size() == 6);
  for (std::size_t step = 2; step < 6; ++step) {  // where the parameters lie goes in once for each of the two kinds of batch
    INFO("step " << step);
    auto const of = sound_source{}.at(static_cast<ss::index>(step)).batch;
    auto const chosen = token::chosen_rows(of.task.mask).rows.size();
    // 24 codes, 12 flags, 12 semantic tokens and their shares, rows and targets; for the critic 24 true codes, which of them count, places
    CHECK(found.in[step] == traffic{9, 24 * 4 + 12 + 12 * 4 + 12 * 4 + 2 * chosen * 4 + 24 * 4 + 24 + chosen * 4});
    CHECK(found.out[step] == traffic{1, sizeof(ss::optim::detail::step_state)});
  }
}

TEST_CASE("train/transfers: of a TextToSemantic's step, ids, masks, rows and targets go in, loss and norm come out") {
  history const found = check_same(pair_source{});
  REQUIRE(found.in.size() == 6);
  for (std::size_t step = 1; step < 6; ++step) {
    INFO("step " << step);
    // sources of 5 with their ends, their flags, targets of 3, the decoder's view of a null key and the source, 7 rows and targets
    CHECK(found.in[step] == traffic{6, 10 * 4 + 10 + 6 * 4 + 12 + 7 * 4 + 7 * 4});
    CHECK(found.out[step] == traffic{1, sizeof(ss::optim::detail::step_state)});
  }
}

TEST_CASE("train/transfers: steps that are not finite are left out, counted and named, and a run that resumes goes on bit by bit") {
  pair_source const source{.poisoned = {0, 3}};
  test_io::scratch folders;
  auto options = six_steps(0.5);
  options.skip_nonfinite = true;
  options.folder = folders / "whole";
  auto const whole = trained_on<far_device>(source, options);
  CHECK(whole.result.skipped == 2);
  auto const log = run_folder::read_log(folders / "whole/log.jsonl");
  REQUIRE(log.size() == 3);
  CHECK(log[0]["skipped"] == "the loss of step 1 is inf");
  CHECK(log[1]["skipped"] == "the loss of step 4 is inf");
  CHECK(std::count(whole.norms.begin(), whole.norms.end(), 0.0) == 2);

  for (int stop : {1, 4}) {  // behind a step that was left out
    options.folder = folders / std::to_string(stop);
    options.resume = false;
    int done = 0;
    auto const part = trained_on<far_device>(source, options, [&] { return ++done == stop; });
    CHECK(part.result.step == stop);
    options.resume = true;
    CHECK(trained_on<far_device>(source, options).values == whole.values);
  }

  options = six_steps(0.5);
  CHECK_THROWS_WITH(trained_on<far_device>(source, options),
                    test_io::contains("train: the loss of step 1 is inf, expected a finite number"));
}
