#include "spearstorm/spear_tts/model.hpp"

#include "check_op.hpp"
#include "spearstorm/optim/adamw.hpp"
#include "spearstorm/spear_tts/freeze.hpp"

using namespace test;

using ss::spear_tts::token_kind;

namespace {

using exec = fastest;
using model_type = ss::text_to_semantic<ss::dynamic_text_to_semantic, exec>;
constexpr auto text = token_kind::text, speech = token_kind::speech;
constexpr ss::text_to_semantic_shape small{.dim = 12,
                                           .source_depth = 2,
                                           .target_depth = 2,
                                           .num_text_token_ids = 9,
                                           .num_semantic_token_ids = 7,
                                           .dim_head = 4,
                                           .heads = 2,
                                           .ff_mult = 2};

ss::token::id_array ids_of(std::vector<ss::token::sequence> const& of) { return ss::token::pad_rows(of); }
ss::token::pair_batch const batch_of_two{ids_of({{1, 0, 8, 4}, {2, 5}}), ids_of({{6, 0}, {1, 2, 3}})};

double loss_of(model_type const& model, ss::workspace<exec>& work, ss::token::pair_batch const& batch, token_kind from, token_kind to,
               std::vector<ss::flag> const& hidden = {}, ss::spear_tts::loss_options const& with = {}) {
  ss::inference<exec> ctx{work};
  return ctx.item(model.loss_of(ctx, batch, from, to, hidden, with).total);
}
/// The same batch with columns of padding behind it.
ss::token::id_array wider(ss::token::id_array const& ids, ss::index by) {
  ss::token::id_array made({ids.extent(0), ids.extent(1) + by}, -1);
  for (ss::index b = 0; b < ids.extent(0); ++b)
    for (ss::index t = 0; t < ids.extent(1); ++t) made(b, t) = ids(b, t);
  return made;
}
/// Names of the parameters that have a gradient.
std::vector<std::string> trained(model_type& model, ss::workspace<exec>& work, token_kind from, token_kind to,
                                 ss::spear_tts::loss_options const& with = {}) {
  ss::recording<exec> ctx{work};
  auto g = ctx.gradients(model.loss_of(ctx, batch_of_two, from, to, {}, with).total);
  std::vector<std::string> names;
  ss::for_each_parameter(model, [&](std::string const& name, auto const& p) {
    if (g.of(p)) names.push_back(name);
  });
  return names;
}
bool any_starts_with(std::vector<std::string> const& names, std::string_view prefix) {
  return std::any_of(names.begin(), names.end(), [&](std::string const& n) { return n.starts_with(prefix); });
}

}  // namespace

TEST_CASE("spear_tts/model: the first loss is ln(vocabulary); the package's start is an option") {
  auto shape = small;
  shape.dim = 64;
  shape.num_semantic_token_ids = 99;
  for (auto to : {speech, text}) {
    ss::workspace<exec> work{{.seed = 1}};
    model_type const model{work, shape};
    double const expected = std::log(to == speech ? 100.0 : 10.0);
    CHECK(loss_of(model, work, batch_of_two, text, to) == Approx(expected).epsilon(0.05));
  }
  ss::workspace<exec> work{{.seed = 1}};
  model_type const model{work, shape, {.starts_at_log_vocabulary = false}};
  CHECK(loss_of(model, work, batch_of_two, text, speech) > 2 * std::log(100.0));
}

TEST_CASE("spear_tts/model: the loss is that of the logits at real positions, the end's included") {
  ss::workspace<exec> work{{.seed = 2}};
  model_type const model{work, small, {.starts_at_log_vocabulary = false}};
  ss::inference<exec> ctx{work};
  auto const logits = ctx.download(model.logits(ctx, batch_of_two, text, speech));
  REQUIRE(logits.extents() == ss::sizes<3>{2, 4, 8});
  std::vector<std::vector<int>> const ended{{6, 0, 7}, {1, 2, 3, 7}};
  double sum = 0;
  int count = 0;
  for (int b = 0; b < 2; ++b)
    for (int t = 0; t < static_cast<int>(ended[b].size()); ++t, ++count) {
      double all = 0;
      for (int v = 0; v < 8; ++v) all += std::exp(static_cast<double>(logits(b, t, v)));
      sum += std::log(all) - logits(b, t, ended[b][t]);
    }
  auto const made = model.loss_of(ctx, batch_of_two, text, speech, {});
  CHECK(ctx.item(made.total) == Approx(sum / count).epsilon(1e-5));
  CHECK(made.rows.lengths == std::vector<ss::index>{3, 4});
  CHECK_FALSE(made.early_exit);
  CHECK_FALSE(made.alignment);
}

TEST_CASE("spear_tts/model: padding changes nothing, whatever the pair of kinds") {
  ss::workspace<exec> work{{.seed = 3}};
  model_type const model{work, small, {.starts_at_log_vocabulary = false}};
  auto const small_ids = ss::token::pair_batch{ids_of({{1, 0, 6, 4}, {2, 5}}), ids_of({{6, 0}, {1, 2, 3}})};
  ss::token::pair_batch const padded{wider(small_ids.source, 3), wider(small_ids.target, 2)};
  std::vector<ss::flag> const hidden{1, 1};
  for (auto from : {text, speech})
    for (auto to : {text, speech}) {
      CHECK(loss_of(model, work, small_ids, from, to) == Approx(loss_of(model, work, padded, from, to)).epsilon(1e-6));
      CHECK(loss_of(model, work, small_ids, from, to, hidden) == Approx(loss_of(model, work, padded, from, to, hidden)).epsilon(1e-6));
    }
}

TEST_CASE("spear_tts/model: a hidden source is not seen, and is compared with its target") {
  ss::workspace<exec> work{{.seed = 4}};
  model_type const model{work, small, {.starts_at_log_vocabulary = false}};
  auto other = batch_of_two;
  other.source = ids_of({{3, 3}, {7}});
  ss::spear_tts::loss_options const plain{.should_sim_regularize = false};
  CHECK(loss_of(model, work, batch_of_two, text, speech, {1, 1}, plain) == loss_of(model, work, other, text, speech, {1, 1}, plain));
  CHECK(loss_of(model, work, batch_of_two, text, speech, {}, plain) != loss_of(model, work, other, text, speech, {}, plain));

  ss::inference<exec> ctx{work};
  auto const both = model.loss_of(ctx, batch_of_two, text, speech, {1, 1});
  REQUIRE(both.alignment);
  CHECK(ctx.item(both.total) == Approx(ctx.item(both.tokens) + 0.1 * ctx.item(*both.alignment)));
  CHECK(ctx.item(both.tokens) == Approx(ctx.item(model.loss_of(ctx, batch_of_two, text, speech, {1, 1}, plain).total)));
  CHECK_FALSE(model.loss_of(ctx, batch_of_two, text, speech, {1, 0}).alignment);  // one example has nobody to be compared with
  CHECK_FALSE(model.loss_of(ctx, batch_of_two, text, text, {1, 1}).alignment);
}

TEST_CASE("spear_tts/model: which sources are hidden is drawn by example, or once for all") {
  ss::workspace<exec> work{{.seed = 5}};
  model_type const model{work, small, {.cond_drop_prob = 0.25}};
  auto const draw = [&](std::uint32_t first, ss::spear_tts::loss_options const& with, std::uint32_t step) {
    work.restore_({.seed = 5, .step = step});
    ss::inference<exec> ctx{work, {.first_example = first}};
    return model.draw_hidden(ctx, 400, with);
  };
  auto const one = draw(0, {}, 0), shifted = draw(100, {}, 0);
  CHECK(std::count(one.begin(), one.end(), 1) == Approx(100).margin(40));
  CHECK(std::equal(one.begin() + 100, one.end(), shifted.begin()));
  int batches = 0;
  for (std::uint32_t step = 0; step < 200; ++step) {
    auto const all = draw(0, {.drops_per_example = false}, step);
    CHECK((std::count(all.begin(), all.end(), 1) == 0 || std::count(all.begin(), all.end(), 1) == 400));
    batches += all[0];
  }
  CHECK(batches == Approx(50).margin(26));
  CHECK(draw(0, {.cond_drop_prob = 0}, 0).empty());
  CHECK_THROWS_WITH(draw(0, {.cond_drop_prob = 1.5}, 0), "text_to_semantic: cond_drop_prob = 1.5, expected 0 to 1");
}

TEST_CASE("spear_tts/model: the early exit's loss reaches the layers before it, or its head alone") {
  auto shape = small;
  shape.target_early_exit_layer = 1;
  for (bool detached : {false, true}) {
    ss::workspace<exec> work{{.seed = 6}};
    model_type model{work, shape, {.detach_early_exit_embed = detached, .starts_at_log_vocabulary = false}};
    auto const gradients = [&](bool with_exit) {
      ss::recording<exec> ctx{work};
      auto const made = model.loss_of(ctx, batch_of_two, text, speech, {}, {.return_early_exit_loss = with_exit});
      auto g = ctx.gradients(made.total);
      if (with_exit) CHECK(ctx.item(made.total) == Approx(ctx.item(made.tokens) + ctx.item(*made.early_exit)));
      return std::pair{g.to_host(model.target_transformer.layers[0].ff.out.weight), g.to_host(model.early_exit->to_logits.weight)};
    };
    auto const plain = gradients(false), both = gradients(true);
    CHECK((plain.first == both.first) == detached);
    CHECK(plain.second != both.second);
  }
  ss::workspace<exec> work;
  model_type const without{work, small};
  CHECK_THROWS_WITH(loss_of(without, work, batch_of_two, text, speech, {}, {.return_early_exit_loss = true}),
                    "text_to_semantic: target_early_exit_layer = 0, expected 1 to 2: no early exit was built");
  model_type const with{work, shape};
  CHECK_THROWS_WITH(loss_of(with, work, batch_of_two, speech, text, {}, {.return_early_exit_loss = true}),
                    "text_to_semantic: the early exit is asked for speech to text, expected text to speech");
}

TEST_CASE("spear_tts/freeze: frozen parts get no gradient and no decay") {
  ss::workspace<exec> work{{.seed = 7}};
  model_type model{work, small};
  auto const all = trained(model, work, text, speech);
  for (std::string const part :
       {"text_token_emb", "semantic_token_emb", "semantic_start_token", "source_transformer.layers.0", "target_transformer.layers.1"})
    CHECK(any_starts_with(all, part));

  ss::spear_tts::freeze_encoder(model);
  CHECK_FALSE(any_starts_with(trained(model, work, text, speech), "source_transformer"));
  ss::spear_tts::freeze_encoder_below_layer(model, 1);
  auto const upper = trained(model, work, text, speech);
  CHECK_FALSE(any_starts_with(upper, "source_transformer.layers.0"));
  CHECK(any_starts_with(upper, "source_transformer.layers.1"));
  ss::spear_tts::unfreeze_all(model);
  CHECK(trained(model, work, text, speech) == all);
  ss::spear_tts::freeze_decoder(model);
  CHECK_FALSE(any_starts_with(trained(model, work, text, speech), "target_transformer"));
  ss::spear_tts::unfreeze_all(model);
  ss::spear_tts::freeze_speech_emb(model);
  auto const no_speech = trained(model, work, text, speech);
  CHECK_FALSE((any_starts_with(no_speech, "semantic_token_emb") || any_starts_with(no_speech, "semantic_start_token")));
  CHECK(any_starts_with(no_speech, "text_token_emb"));
  ss::spear_tts::unfreeze_all(model);
  ss::spear_tts::freeze_text_emb(model);
  CHECK_FALSE(any_starts_with(trained(model, work, text, speech), "text_token_emb"));

  ss::optim::adamw<exec> adam{{.rate = 0.1, .weight_decay = 0.5}};
  auto const frozen = model.text_token_emb.to_host(), moving = model.semantic_token_emb.to_host();
  {
    ss::recording<exec> ctx{work};
    auto g = ctx.gradients(model.loss_of(ctx, batch_of_two, text, speech, {}).total);
    adam.step_(work, model, g);
  }
  CHECK(model.text_token_emb.to_host() == frozen);
  CHECK(model.semantic_token_emb.to_host() != moving);
  CHECK_THROWS_WITH(ss::spear_tts::freeze_encoder_below_layer(model, 3), "freeze_encoder_below_layer: layer = 3, expected 0 to 2");
}

TEST_CASE("spear_tts/model: a masked token has an embedding of its own") {
  auto shape = small;
  shape.semantic_mask_token = true;
  ss::workspace<exec> work{{.seed = 8}};
  model_type model{work, shape};
  ss::token::pair_batch const masked{ids_of({{1, 8, 2}}), ids_of({{1, 5, 2}})};  // id 8: behind seven ids and their end
  ss::recording<exec> ctx{work};
  auto g = ctx.gradients(model.loss_of(ctx, masked, speech, speech, {}).total);
  CHECK(g.of(*model.semantic_mask_token));
  ss::workspace<exec> other;
  model_type const without{other, small};
  CHECK_THROWS_WITH(loss_of(without, other, masked, speech, speech),
                    "text_to_semantic: source (speech) of example 0 holds 8 at position 1, expected 0 to 6; below 0 is padding");
}

TEST_CASE("spear_tts/model: what does not fit is named") {
  ss::workspace<exec> work;
  model_type const model{work, small};
  CHECK_THROWS_WITH(
      loss_of(model, work, {ids_of({{1, 9}}), ids_of({{1}})}, text, speech),
      "text_to_semantic: source (text) of example 0 holds 9 at position 1, expected 0 to 8; the end of a row is set by the model");
  CHECK_THROWS_WITH(loss_of(model, work, {ids_of({{1}, {2}}), ids_of({{1}})}, text, speech),
                    "text_to_semantic: target has batch = 1, source expects batch = 2");
  auto shape = small;
  shape.target_early_exit_layer = 3;
  CHECK_THROWS_WITH(ss::spear_tts::resolve(ss::dynamic_text_to_semantic, shape),
                    "text_to_semantic: target_early_exit_layer = 3, expected 0 to 2");
}

TEST_CASE("spear_tts/model: the constructor names an option that is out of range") {
  ss::workspace<exec> work;
  auto const refused = [&](ss::text_to_semantic_options const& options, std::string const& what) {
    CHECK_THROWS_WITH((model_type{work, small, options}), "text_to_semantic: " + what);
  };
  refused({.attn_dropout = 1}, "attn_dropout = 1, expected 0 to less than 1");
  refused({.ff_dropout = -0.5}, "ff_dropout = -0.5, expected 0 to less than 1");
  refused({.cond_drop_prob = 1}, "cond_drop_prob = 1, expected 0 to less than 1");
  refused({.align_reg_loss_weight = -1}, "align_reg_loss_weight = -1, expected 0 or more");
  refused({.align_reg_loss_weight = HUGE_VAL}, "align_reg_loss_weight = inf, expected 0 or more");
  refused({.align_reg_logsumexp_pool_temp = 0}, "align_reg_logsumexp_pool_temp = 0, expected more than 0");
  model_type const most{work, small, {.attn_dropout = 0.9, .ff_dropout = 0.9, .cond_drop_prob = 0.9, .align_reg_loss_weight = 0}};
  CHECK(most.options.ff_dropout == 0.9);
}
