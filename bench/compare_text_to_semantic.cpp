// The times of SPEAR-TTS for bench/compare; compare_ours.cpp chooses the case.

#include "compare_case.hpp"
#include "spearstorm/optim/adamw.hpp"
#include "spearstorm/spear_tts/generate.hpp"

namespace compare {
namespace {

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

}  // namespace

/// All tokens of a generation, greedy; without an eos no row ends before the others.
ss::bench::timing text_to_semantic_generate(sizes_of_case const& of, ss::workspace<exec>& work, ss::bench::measure_options const& options) {
  net const model{work, shape(of, false)};
  auto const source = text(of);
  return ss::bench::measure(
      "generate",
      [&] {
        auto const made = ss::spear_tts::generate(model, work, source, kind::text, kind::speech,
                                                  {.max_length = of["tokens"], .temperature = 0, .top_k = 1});
        if (made.ids.extent(1) != of["tokens"])
          ss::fail<ss::value_error>("compare_ours: ", made.ids.extent(1), " tokens, expected ", of["tokens"]);
        return made.ids.size();
      },
      options);
}

/// Forward, loss, backward, AdamW.
ss::bench::timing text_to_semantic_train(sizes_of_case const& of, ss::workspace<exec>& work, ss::bench::measure_options const& options) {
  net model{work, shape(of, true)};
  ss::optim::adamw<exec> adam{{.rate = 3e-4, .beta1 = 0.9, .beta2 = 0.99, .weight_decay = 0.01, .max_grad_norm = 0}};
  ss::token::pair_batch const batch{text(of), random_ids(ss::token::id_array({of["batch"], of["tokens"]}), of["semantic_ids"], 1)};
  return ss::bench::measure(
      "train",
      [&] {
        ss::recording<exec> ctx{work};
        auto const loss = model.loss(ctx, batch, kind::text, kind::speech);
        auto gradients = ctx.gradients(loss.total);
        adam.step_(work, model, gradients);
        return ctx.item(loss.total);
      },
      options);
}

}  // namespace compare
