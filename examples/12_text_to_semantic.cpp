// 12. Text to semantic tokens: a model of its own for a made-up language, in which every letter lasts a while; greedy, in beams, with drafts.

#include <cstdio>

#include "spearstorm/spear_tts.hpp"

namespace ss = spearstorm;
namespace tts = ss::spear_tts;
using exec = ss::cpu::simd<>;

int main() {
  constexpr auto text = tts::token_kind::text, speech = tts::token_kind::speech;
  std::vector<std::string> const sentences{"a bad cab", "dad", "cad bab", "abba"};
  auto const letters = ss::text::character_tokenizer::learn(sentences);
  auto const ids = ss::text::tokenize(letters, sentences);                         // (4, 9), -1 behind the shorter ones
  std::vector<ss::token::sequence> spoken;                  // letter i sounds like token 10 - i, runs of one token are one
  for (auto row : ss::token::rows_of(ids)) {
    for (auto& id : row) id = 10 - id;
    spoken.push_back(ss::token::unique_consecutive(row).ids);
  }
  ss::token::pair_batch const batch{ids, ss::token::pad_rows(spoken)};

  ss::workspace<exec> work{{.seed = 1}};
  ss::text_to_semantic<ss::dynamic_text_to_semantic, exec> model{work,
                                                                 {.dim = 32,
                                                                  .source_depth = 1,
                                                                  .target_depth = 2,
                                                                  .num_text_token_ids = letters.size(),
                                                                  .num_semantic_token_ids = 11,
                                                                  .dim_head = 8,
                                                                  .heads = 4,
                                                                  .target_early_exit_layer = 1}};
  ss::optim::adamw<exec> adam{{.rate = 3e-3}};
  for (int step = 0; step < 150; ++step) {
    ss::recording<exec> ctx{work, {.stochastic = true}};
    auto const loss = tts::text_to_semantic_task{}(ctx, model, batch);
    if (step % 50 == 0) std::printf("step %3d  loss %.3f\n", step, ctx.item(loss));
    auto gradients = ctx.gradients(loss);
    adam.step_(work, model, gradients);
  }

  auto const greedy = tts::generate(model, work, ids, text, speech, {.max_length = 20, .temperature = 0});
  auto const beams =
      tts::generate(model, work, ids, text, speech, {.max_length = 20, .filter_thres = 1, .beam_search_decode = true, .n_best = 2});
  auto const drafted =
      tts::generate(model, work, ids, text, speech, {.max_length = 20, .temperature = 0, .spec_decode = true, .spec_decode_gamma = 3});
  for (std::size_t b = 0; b < sentences.size(); ++b) {
    std::printf("%-10s", sentences[b].c_str());
    for (auto id : ss::token::row_of(greedy.ids, static_cast<ss::index>(b))) std::printf(" %d", id);
    std::printf("   log probability %.2f, of the next beam %.2f\n", beams.beams[b][0].log_prob, beams.beams[b][1].log_prob);
  }
  std::printf("%.0f %% of what the early exit drafted stood\n", 100 * drafted.accepted_share());
  return greedy.ids == batch.target && beams.ids == batch.target && drafted.ids == greedy.ids ? 0 : 1;
}
