// 13. SPEAR-TTS's recipe in small: pretrain on speech alone, learn to write from few pairs, write what other speech says, speak from that.

#include <cstdio>

#include "spearstorm/spear_tts.hpp"

namespace ss = spearstorm;
namespace tts = ss::spear_tts;
using exec = ss::cpu::simd<>;
using model_type = ss::text_to_semantic<ss::dynamic_text_to_semantic, exec>;

namespace {

/// Trains on one batch; whether the loss falls to half.
bool train(ss::workspace<exec>& work, model_type& model, auto const& task, ss::token::pair_batch const& batch, char const* name) {
  ss::optim::adamw<exec> adam{{.rate = 3e-3}};
  double first = 0, last = 0;
  for (int step = 0; step < 120; ++step) {
    ss::recording<exec> ctx{work, {.stochastic = true}};
    auto const loss = task(ctx, model, batch);
    auto gradients = ctx.gradients(loss);
    adam.step_(work, model, gradients);
    last = ctx.item(loss);
    if (step == 0) first = last;
  }
  std::printf("%s: loss %.2f to %.2f\n", name, first, last);
  return last < first / 2;
}

}  // namespace

int main() {
  // Speech of two words that last 3 tokens each, in any order; the text says 0 for the first and 1 for the second.
  auto const spoken =
      ss::token::pad_rows(std::vector<ss::token::sequence>{{2, 3, 4, 5, 6, 7}, {5, 6, 7, 2, 3, 4}, {2, 3, 4}, {5, 6, 7, 5, 6, 7}});
  ss::token::pair_batch const pairs{ss::token::pad_rows(std::vector<ss::token::sequence>{{5, 6, 7, 2, 3, 4}, {2, 3, 4}}),
                                    ss::token::pad_rows(std::vector<ss::token::sequence>{{1, 0}, {0}})};

  ss::workspace<exec> work{{.seed = 1}};
  model_type model{
      work,
      {.dim = 32, .source_depth = 1, .target_depth = 1, .num_text_token_ids = 2, .num_semantic_token_ids = 8, .dim_head = 8, .heads = 4}};
  tts::pretraining_task const pretraining{.spoil = {.deletion = {.deletion_prob = 0.3}, .reconstruct_seq = true}};
  bool learned = train(work, model, pretraining, {spoken, {}}, "speech alone");

  tts::freeze_encoder(model);  // no gradients, no decay
  auto const before = model.source_transformer.layers[0].attn.to_q.weight.to_host();
  learned = train(work, model, tts::semantic_to_text_task{}, pairs, "speech to text") && learned;
  bool const kept = model.source_transformer.layers[0].attn.to_q.weight.to_host() == before;

  auto const labels =
      tts::generate(model, work, spoken, tts::token_kind::speech, tts::token_kind::text, {.max_length = 8, .beam_search_decode = true});
  tts::unfreeze_all(model);
  learned = train(work, model, tts::text_to_semantic_task{}, {labels.ids, spoken}, "text to speech, on labels") && learned;
  for (ss::index b = 0; b < 4; ++b) {
    std::printf("label of row %td:", b);
    for (auto id : ss::token::row_of(labels.ids, b)) std::printf(" %d", id);
    std::printf("\n");
  }
  std::printf("the frozen encoder %s\n", kept ? "stayed as it was" : "moved");
  return learned && kept ? 0 : 1;
}
