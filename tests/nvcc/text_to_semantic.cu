// A text_to_semantic trained and decoded on the thrust policy: compiled and linked for sm_80 and sm_90 where nvcc is present.

#include <cstdio>

#include "spearstorm/optim/adamw.hpp"
#include "spearstorm/spear_tts.hpp"

namespace ss = spearstorm;
namespace tts = ss::spear_tts;

int main() {
  using exec = ss::thrust_device<>;
  constexpr auto text = tts::token_kind::text, speech = tts::token_kind::speech;
  ss::workspace<exec> work{{.seed = 42}};
  ss::text_to_semantic<ss::dynamic_text_to_semantic, exec> model{work,
                                                                 {.dim = 64,
                                                                  .source_depth = 2,
                                                                  .target_depth = 2,
                                                                  .num_text_token_ids = 32,
                                                                  .num_semantic_token_ids = 48,
                                                                  .dim_head = 16,
                                                                  .heads = 4,
                                                                  .target_early_exit_layer = 1},
                                                                 {.cond_drop_prob = 0.5}};
  ss::optim::adamw<exec> adam{{.rate = 2e-3}};

  ss::token::pair_batch const batch{ss::token::pad_rows(std::vector<ss::token::sequence>{{1, 2, 3}, {4, 5}}),
                                    ss::token::pad_rows(std::vector<ss::token::sequence>{{7, 7, 8, 9}, {10, 11}})};
  {
    ss::recording<exec> ctx{work, {.stochastic = true}};
    auto const loss = model.loss(ctx, batch, text, speech, {.return_early_exit_loss = true});
    auto gradients = ctx.gradients(loss.total);
    adam.step_(work, model, gradients);
    std::printf("loss %.3f\n", static_cast<double>(ctx.item(loss.total)));
  }
  auto const made = tts::generate(model, work, batch.source, text, speech, {.max_length = 16, .temperature = 0});
  std::printf("%td rows of up to %td tokens\n", made.ids.extent(0), made.ids.extent(1));
}
