// Everything that a SoundStorm may be given beside codes: semantic tokens, its own earlier pass, groups; and its critic.

#include "check_op.hpp"
#include "spearstorm/soundstorm/model.hpp"

using namespace test;
using namespace ss::axes;
using ss::soundstorm::drawn_task;
using ss::soundstorm::token_batch;

namespace {

template <class Exec>
using any_model = ss::soundstorm::model<ss::dynamic_soundstorm, Exec>;
using f64 = ss::cpu::scalar<ss::f64>;

ss::soundstorm_shape small(ss::soundstorm_shape with = {}) {
  with.codebook_size = 7;
  with.num_quantizers = 2;
  with.body = {.dim = 8,
               .depth = 2,
               .dim_head = 4,
               .heads = 2,
               .ff_mult = 1,
               .conv_kernel_size = 3,
               .num_residual_streams = with.body.num_residual_streams,
               .values = with.body.values};
  return with;
}

token_batch random_batch(ss::index batch, ss::index frames, ss::index levels, ss::index semantic = 0) {
  token_batch made{.codes = ss::token::code_array({batch, frames, levels})};
  ss::random_stream const draws{5};
  for (ss::index i = 0; i < made.codes.size(); ++i)
    made.codes.data()[i] = static_cast<std::int32_t>(draws.below(7, 0, static_cast<std::uint32_t>(i)));
  if (semantic > 0) made.semantic = ss::token::id_array({batch, semantic});
  for (ss::index i = 0; i < made.semantic.size(); ++i)
    made.semantic.data()[i] = static_cast<std::int32_t>(draws.below(5, 1, static_cast<std::uint32_t>(i)));
  return made;
}

/// The loss of a task, then every gradient, flat.
template <class Model>
std::vector<double> loss_and_gradients(ss::workspace<f64>& work, Model const& model, token_batch const& batch, drawn_task const& task,
                                       ss::soundstorm::loss_options const& with = {}) {
  ss::recording<f64> ctx{work};
  auto const loss = model.loss_of(ctx, batch, task, with);
  auto g = ctx.gradients(loss.total);
  std::vector<double> all{ctx.item(loss.total)};
  ss::for_each_parameter(model, [&](std::string const&, auto const& p) {
    auto const host = g.to_host(p);
    all.insert(all.end(), host.begin(), host.end());
  });
  return all;
}

/// Gradients of some numbers of every parameter against finite differences of the loss.
template <class Model>
void check_gradients(ss::workspace<f64>& work, Model& model, token_batch const& batch, drawn_task const& task,
                     ss::soundstorm::loss_options const& with = {}) {
  auto const found = loss_and_gradients(work, model, batch, task, with);
  std::size_t at = 1;
  ss::for_each_parameter(model, [&](std::string const& path, auto& p) {
    auto host = p.to_host();
    for (ss::index i = 0; i < host.size(); i += std::max<ss::index>(1, host.size() / 3)) {
      double const kept = host.data()[i], step = 1e-5;
      auto const loss_at = [&](double x) {
        host.data()[i] = x;
        p.assign_(host.values());
        ss::inference<f64> ctx{work};
        return ctx.item(model.loss_of(ctx, batch, task, with).total);
      };
      double const above = loss_at(kept + step), below = loss_at(kept - step);
      loss_at(kept);
      INFO(path << " at " << i);
      CHECK(found[at + static_cast<std::size_t>(i)] == Approx((above - below) / (2 * step)).epsilon(1e-5).margin(1e-7));
    }
    at += static_cast<std::size_t>(p.size());
  });
}

drawn_task draw(ss::workspace<f64>& work, any_model<f64> const& model, token_batch const& batch,
                ss::soundstorm::loss_options const& with = {}) {
  ss::inference<f64> ctx{work};
  return model.draw(ctx, batch, with);
}

}  // namespace

TEST_CASE("soundstorm/conditions: gradients of everything at once equal finite differences") {
  ss::workspace<f64> work{{.seed = 1}};
  any_model<f64> model{work,
                       small({.grouped_quantizers = 2, .num_semantic_token_ids = 5, .self_cond = true, .self_token_critic = true}),
                       {.rates = {.wav2vec_target_sample_hz = 100,
                                  .wav2vec_downsample_factor = 4,
                                  .codec_target_sample_hz = 100,
                                  .codec_downsample_factor = 2,
                                  .policy = ss::soundstorm::rate_policy::interpolate}}};
  auto batch = random_batch(2, 6, 4, 3);
  batch.valid = ss::token::valid_frames(std::vector<ss::index>{6, 4}, 6);
  batch.semantic(1, 2) = -1;
  auto task = draw(work, model, batch, {.critic_loss_weight = 0.7});
  task.sampled.assign(static_cast<std::size_t>(ss::token::chosen_rows(task.mask).rows.size()), 3);
  task.self_cond = false;
  check_gradients(work, model, batch, task, {.critic_loss_weight = 0.7});
}

TEST_CASE("soundstorm/conditions: gradients with residual streams and both kinds of value residual") {
  for (auto values : {ss::value_residual::average, ss::value_residual::learned}) {
    ss::workspace<f64> work{{.seed = 2}};
    any_model<f64> model{work, small({.body = {.num_residual_streams = values == ss::value_residual::learned ? 3 : 1, .values = values}})};
    auto const batch = random_batch(2, 5, 2);
    check_gradients(work, model, batch, draw(work, model, batch));
  }
}

TEST_CASE("soundstorm/conditions: padding's content changes nothing by a bit, with critic, condition and self-conditioning") {
  ss::workspace<f64> work{{.seed = 3}};
  any_model<f64> const model{work, small({.num_semantic_token_ids = 5, .self_cond = true, .self_token_critic = true})};
  auto const run = [&](std::int32_t filler, std::int32_t semantic_filler) {
    auto batch = random_batch(2, 6, 2, 6);
    batch.valid = ss::token::valid_frames(std::vector<ss::index>{6, 3}, 6);
    for (ss::index t = 3; t < 6; ++t) batch.codes(1, t, 0) = batch.codes(1, t, 1) = filler, batch.semantic(1, t) = semantic_filler;
    work.restore_({9, 9, 0});
    auto task = draw(work, model, batch);
    task.self_cond = true;
    work.restore_({9, 9, 0});
    return loss_and_gradients(work, model, batch, task);
  };
  CHECK(run(0, -1) == run(6, -7));
  CHECK(run(0, -1) == run(-1, 5));  // 5 ends a sequence
}

TEST_CASE("soundstorm/conditions: frames of pad_id are padding") {
  ss::workspace<f64> work{{.seed = 4}};
  any_model<f64> model{work, small()};
  auto batch = random_batch(2, 6, 2);
  auto told = batch;
  told.valid = ss::token::valid_frames(std::vector<ss::index>{6, 4}, 6);
  for (ss::index t = 4; t < 6; ++t) batch.codes(1, t, 1) = -1;
  auto const run = [&](token_batch const& of) {
    work.restore_({3, 3, 0});
    ss::inference<f64> ctx{work};
    return ctx.item(model.loss(ctx, of).total);
  };
  double const expected = run(told);
  CHECK_THROWS_WITH(run(batch), Catch::Contains("hold -1, expected 0 to 6"));
  model.options.pad_id = -1;
  CHECK(run(batch) == expected);
}

TEST_CASE("soundstorm/conditions: a dropped condition is that of padding only, and it is drawn for each example") {
  ss::workspace<f64> work{{.seed = 5}};
  any_model<f64> const model{work, small({.num_semantic_token_ids = 5})};
  auto const batch = random_batch(2, 4, 2, 4);
  ss::inference<f64> ctx{work};
  auto const cond = ctx.download(model.condition_of(ctx, batch.semantic, 4, std::vector<ss::flag>{0, 1}));
  bool any = false;
  for (ss::index i = 0; i < cond.size(); ++i) {
    any = any || (i < 32 && cond.data()[i] != 0);
    if (i >= 32) CHECK(cond.data()[i] == 0);
  }
  CHECK(any);
  ss::index dropped = 0;
  auto const many = random_batch(2000, 1, 2, 1);
  for (ss::flag f : model.draw(ctx, many, {.cond_drop_prob = 0.25f}).dropped) dropped += f;
  CHECK(std::abs(static_cast<double>(dropped) - 500) < 80);  // four deviations
}

TEST_CASE("soundstorm/conditions: a lent embedding stays as it is, its projection trains") {
  ss::workspace<f64> work{{.seed = 6}};
  any_model<f64> model{work, small({.num_semantic_token_ids = 5, .semantic_dim = 3})};
  auto const batch = random_batch(2, 4, 2, 4);
  auto const task = draw(work, model, batch);
  {
    ss::inference<f64> ctx{work};
    CHECK_THROWS_WITH(model.loss_of(ctx, batch, task),
                      "semantic_condition: no embedding is lent; call borrow(table) first, as semantic_dim is above 0");
  }
  ss::parameter<f64, vocab<>, dim<>> const wide{work, {5, 4}, ss::initialiser::normal(1)}, few{work, {4, 3}, ss::initialiser::normal(1)};
  CHECK_THROWS_WITH(model.condition->borrow(wide), "semantic_condition: the lent embedding has dim = 4, semantic_dim expects dim = 3");
  CHECK_THROWS_WITH(model.condition->borrow(few), "semantic_condition: the lent embedding has 4 rows, expected at least 5");
  ss::parameter<f64, vocab<>, dim<>> const lent{work, {6, 3}, ss::initialiser::normal(1)};
  model.condition->borrow(lent);
  check_gradients(work, model, batch, task);
  ss::recording<f64> ctx{work};
  auto g = ctx.gradients(model.loss_of(ctx, batch, task).total);
  CHECK(g.of(model.condition->semantic_cond_to_model_dim->weight) != nullptr);
  CHECK(g.of(lent) == nullptr);
}

TEST_CASE("soundstorm/conditions: self-conditioning shows a pass before, or the null embedding") {
  ss::workspace<f64> work{{.seed = 7}};
  any_model<f64> const model{work, small({.self_cond = true})};
  auto const batch = random_batch(2, 5, 2);
  auto task = draw(work, model, batch);
  auto const gradients_of = [&](bool self_cond) {
    task.self_cond = self_cond;
    ss::recording<f64> ctx{work};
    auto const loss = model.loss_of(ctx, batch, task);
    auto g = ctx.gradients(loss.total);
    return std::tuple{ctx.item(loss.total), g.of(*model.null_embed) != nullptr, g.of(model.to_self_cond->weight) != nullptr};
  };
  CHECK(gradients_of(false) == std::tuple{std::get<0>(gradients_of(false)), true, true});
  CHECK(gradients_of(true) == std::tuple{std::get<0>(gradients_of(true)), false, true});
  CHECK(std::get<0>(gradients_of(true)) != std::get<0>(gradients_of(false)));
  ss::index shown = 0;
  ss::inference<f64> ctx{work};
  for (int i = 0; i < 2000; ++i) shown += model.draw(ctx, batch, {}).self_cond;
  CHECK(std::abs(static_cast<double>(shown) - 1500) < 80);  // 0.75 of the draws, four deviations
}

TEST_CASE("soundstorm/conditions: the critic judges what it is shown, and may train alone or not at all") {
  ss::workspace<f64> work{{.seed = 8}};
  any_model<f64> const model{work, small({.self_token_critic = true})};
  auto const batch = random_batch(2, 5, 2);
  auto const task = draw(work, model, batch);
  auto const start = work.random();
  auto const run = [&](ss::soundstorm::loss_options const& with) {
    work.restore_(start);
    ss::recording<f64> ctx{work};
    auto const loss = model.loss_of(ctx, batch, task, with);
    auto g = ctx.gradients(loss.total);
    auto const item = [&](auto const& x) { return x ? ctx.item(*x) : -1.0; };
    return std::tuple{ctx.item(loss.total), item(loss.generator), item(loss.critic), g.of(model.net.heads.logits) != nullptr,
                      g.of(model.token_critic->weight) != nullptr};
  };
  auto const [total, generator, critic, trains_logits, trains_critic] = run({.critic_loss_weight = 0.5});
  CHECK(total == Approx(generator + 0.5 * critic).epsilon(1e-12));
  CHECK((trains_logits && trains_critic));
  CHECK(run({.only_train_generator = true}) == std::tuple{generator, generator, -1.0, true, false});
  CHECK(run({.only_train_critic = true}) == std::tuple{critic, -1.0, critic, false, true});
  CHECK_THROWS_WITH(run({.only_train_generator = true, .only_train_critic = true}),
                    "soundstorm: only_train_generator and only_train_critic are both set, expected one at most");

  auto const chosen = ss::token::chosen_rows(task.mask);
  std::vector<std::int32_t> const truth(chosen.targets.begin(), chosen.targets.end());
  ss::inference<f64> ctx{work};
  auto const known = ss::soundstorm::detail::critic_truth_of(ctx, batch, task.mask, chosen, 7);
  auto const judge = [&](std::vector<std::int32_t> const& sampled) {
    auto const ids = ctx.upload(ss::array<std::int32_t, rows<>>({chosen.rows.size()}, sampled));
    auto const made = ss::soundstorm::detail::critic_task_of(ctx, known, ids);
    return std::pair{ctx.download(made.codes), ctx.download(made.fake)};
  };
  auto const [same_codes, no_fakes] = judge(truth);
  CHECK(same_codes == batch.codes);
  for (auto f : no_fakes) CHECK(f == 0);  // a true token is no fake, wherever it stands
  auto other = truth;
  other.front() = (other.front() + 1) % 7;
  auto const [changed, fakes] = judge(other);
  ss::index const at = chosen.rows(0) * 2 + task.mask.level[static_cast<std::size_t>(chosen.rows(0) / 5)];
  CHECK(changed.data()[at] == other.front());
  CHECK(std::count(fakes.begin(), fakes.end(), ss::flag{1}) == 1);
  CHECK(fakes.data()[at] == 1);
}

TEST_CASE("soundstorm/conditions: heads in one product equal heads one by one") {
  ss::workspace<f64> work{{.seed = 9}};
  any_model<f64> const model{work, small({.grouped_quantizers = 2, .self_token_critic = true})};
  ss::inference<f64> ctx{work};
  auto const x = ctx.upload(random_array<batch<>, frames<>, dim<>>({2, 3, 8}, 1));
  auto const each = ctx.download(model.net.heads.embeddings(ctx, x));              // (batch, frames, levels * dim)
  auto const summed = ctx.download(model.net.heads.summed(ctx, x));
  auto const scored = ctx.download(model.critic_scores(ctx, x));
  auto const w = model.token_critic->weight.to_host();
  double const b = model.token_critic->bias->to_host()(0);
  for (ss::index r = 0; r < 6; ++r) {
    for (ss::index d = 0; d < 8; ++d) {
      double sum = 0;
      for (ss::index l = 0; l < 4; ++l) sum += each.data()[(r * 4 + l) * 8 + d];
      CHECK(summed.data()[r * 8 + d] == Approx(sum).epsilon(1e-12));
    }
    for (ss::index l = 0; l < 4; ++l) {
      double score = b;
      for (ss::index d = 0; d < 8; ++d) score += w.data()[d] * each.data()[(r * 4 + l) * 8 + d];
      CHECK(scored.data()[r * 4 + l] == Approx(score).epsilon(1e-12));
    }
  }
}

TEST_CASE("soundstorm/conditions: with groups every column is drawn and has logits of its own") {
  ss::workspace<f64> work{{.seed = 10}};
  any_model<f64> const model{work, small({.grouped_quantizers = 2})};
  auto const batch = random_batch(2, 4, 4);
  std::vector<int> seen(4, 0);
  for (int i = 0; i < 60; ++i) {
    ss::inference<f64> ctx{work};
    for (ss::index level : model.draw(ctx, batch, {}).mask.level) ++seen.at(static_cast<std::size_t>(level));
  }
  for (int n : seen) CHECK(n > 10);
}

TEST_CASE("soundstorm/conditions: what does not fit together is named") {
  ss::workspace<f64> work{{.seed = 11}};
  CHECK_THROWS_WITH((any_model<f64>{work, small({.semantic_dim = 4})}),
                    "soundstorm: semantic_dim = 4 with num_semantic_token_ids = 0, expected ids to embed");
  CHECK_THROWS_WITH(
      (any_model<f64>{work,
                      {.codebook_size = 7,
                       .num_quantizers = 2,
                       .body = {.dim = 8, .depth = 1, .dim_head = 4, .heads = 2, .use_gateloop_layers = true, .num_residual_streams = 2}}}),
      "conformer: use_gateloop_layers with num_residual_streams = 2, expected 1: no generation of the package has both");
  any_model<f64> const plain{work, small()}, conditioned{work, small({.num_semantic_token_ids = 5})};
  ss::inference<f64> ctx{work};
  CHECK_THROWS_WITH(plain.loss(ctx, random_batch(2, 4, 2, 4)),
                    "soundstorm: the batch has semantic tokens for 2 examples, num_semantic_token_ids = 0, expected tokens for a model "
                    "with a condition, and for no other");
  CHECK_THROWS_WITH(conditioned.loss(ctx, random_batch(2, 4, 2)), Catch::Contains("tokens for 0 examples, num_semantic_token_ids = 5"));
  CHECK_THROWS_WITH(conditioned.loss(ctx, random_batch(2, 8, 2, 4)),
                    "semantic_rates: example 0 has 4 semantic tokens and 8 frames, expected as many, as no rates are given");
  CHECK_THROWS_WITH(plain.loss(ctx, random_batch(2, 4, 2), {.only_train_critic = true}),
                    "soundstorm: only_train_critic with self_token_critic = false, expected a model with a critic");
}

TEST_CASE("soundstorm/conditions: an option of the loss outside its range is named, when a task is drawn and when it is given") {
  ss::workspace<f64> work{{.seed = 12}};
  any_model<f64> const model{work, small()};
  auto const batch = random_batch(2, 4, 2);
  auto const task = draw(work, model, batch);
  ss::inference<f64> ctx{work};
  auto const refuses = [&](ss::soundstorm::loss_options const& with, std::string const& text) {
    CHECK_THROWS_WITH(model.draw(ctx, batch, with), text);
    CHECK_THROWS_WITH(model.loss_of(ctx, batch, task, with), text);
  };
  refuses({.self_cond_train_prob = 1.5f}, "soundstorm: self_cond_train_prob = 1.5, expected 0 to 1");
  refuses({.critic_loss_weight = std::nan("")}, "soundstorm: critic_loss_weight = nan, expected 0 to 1e+06");
  refuses({.generator_sample_temperature = -1.0f}, "soundstorm: generator_sample_temperature = -1, expected 0 to 1e+06");
  refuses({.cond_drop_prob = -0.25f}, "soundstorm: cond_drop_prob = -0.25, expected 0 to 1");
  CHECK_THROWS_WITH(model.loss(ctx, batch, {.cond_drop_prob = 0.25f}),
                    "soundstorm: cond_drop_prob = 0.25 with num_semantic_token_ids = 0, expected 0: there is no condition to drop");
}
