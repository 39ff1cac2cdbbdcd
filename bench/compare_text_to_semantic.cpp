// SPEAR-TTS for bench/compare; compare_ours.cpp chooses the case.

#include "compare_case.hpp"
#include "spearstorm/backend/simd/simd.hpp"
#include "spearstorm/optim/adamw.hpp"
#include "spearstorm/spear_tts/generate.hpp"

namespace compare {
namespace {

using precision = ss::SPEARSTORM_BENCH_PRECISION;
using exec = ss::cpu::simd<precision>;
using net = ss::text_to_semantic<ss::dynamic_text_to_semantic, exec>;
using kind = ss::spear_tts::token_kind;

ss::text_to_semantic_shape shape(sizes_of_case const& of, bool ends) {
  return {.dim = of["dim"],
          .source_depth = of["depth"],
          .target_depth = of["depth"],
          .num_text_token_ids = of["text_ids"],
          .num_semantic_token_ids = of["semantic_ids"],
          .dim_head = of["dim_head"],
          .heads = of["heads"],
          .ff_mult = of["ff_mult"],
          .autoset_semantic_eos_id = ends};
}

ss::token::id_array text(sizes_of_case const& of) {
  return random_ids(ss::token::id_array({of["batch"], of["characters"]}), of["text_ids"]);
}

struct placed {
  ss::workspace<exec> work;
  net model;
  placed(sizes_of_case const& of, ss::index threads, bool ends) : work({.seed = 1, .threads = threads}), model(work, shape(of, ends)) {}
};

/// All tokens of a generation, greedy; without an eos no row ends before the others.
work generate(sizes_of_case const& of, ss::index threads) {
  auto const with = std::make_shared<placed>(of, threads, false);
  return [=, source = text(of), tokens = of["tokens"]] {
    auto const made = ss::spear_tts::generate(with->model, with->work, source, kind::text, kind::speech,
                                              {.max_length = tokens, .temperature = 0, .top_k = 1});
    if (made.ids.extent(1) != tokens) ss::fail<ss::value_error>("compare_ours: ", made.ids.extent(1), " tokens, expected ", tokens);
  };
}

/// Forward, loss, backward, AdamW.
work train(sizes_of_case const& of, ss::index threads) {
  auto const with = std::make_shared<placed>(of, threads, true);
  auto const adam = std::make_shared<ss::optim::adamw<exec>>(
      ss::optim::adamw_options{.rate = 3e-4, .beta1 = 0.9, .beta2 = 0.99, .weight_decay = 0.01, .max_grad_norm = 0});
  ss::token::pair_batch const batch{text(of), random_ids(ss::token::id_array({of["batch"], of["tokens"]}), of["semantic_ids"], 1)};
  return [=] {
    ss::recording<exec> ctx{with->work};
    auto const loss = with->model.loss(ctx, batch, kind::text, kind::speech);
    auto gradients = ctx.gradients(loss.total);
    adam->step_(with->work, with->model, gradients);
    ctx.item(loss.total);
  };
}

}  // namespace

template <>
makers text_to_semantic_works<precision>() {
  return {{"text_to_semantic_generate", generate}, {"text_to_semantic_train", train}};
}

}  // namespace compare
