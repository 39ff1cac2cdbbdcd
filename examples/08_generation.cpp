// 8. Generation: the paper's decoding, watched pass by pass, with an acoustic prompt that survives.

#include <cstdio>

#include "spearstorm/soundstorm.hpp"

namespace ss = spearstorm;

int main() {
  using exec = ss::cpu::simd<>;
  constexpr ss::soundstorm_shape shape{
      .codebook_size = 16, .num_quantizers = 3, .body = {.dim = 32, .depth = 1, .dim_head = 8, .heads = 4, .conv_kernel_size = 5}};
  ss::workspace<exec> work{{.seed = 1}};
  ss::soundstorm::model<shape, exec> const model{work};

  ss::token::code_array prompt({1, 4, 3}, 7);
  int passes = 0;
  auto const codes = ss::soundstorm::decode(model, work, {.num_latents = 20, .prompt = prompt, .steps = 8},
                                            [&](auto const& pass, auto const& state, auto const&) {
                                              ++passes;
                                              auto const left = ss::token::masked_totals(state, pass.level).front();
                                              std::printf("level %td, pass %td of %td (%s): %td tokens left\n", pass.level, pass.step + 1,
                                                          pass.steps, pass.greedy ? "greedy" : "sampled", left);
                                            });
  bool kept = true;
  for (ss::index t = 0; t < 4; ++t)
    for (ss::index level = 0; level < 3; ++level) kept = kept && codes(0, t, level) == 7;
  std::printf("%d passes; the prompt is %s\n", passes, kept ? "kept" : "lost");
  return kept && passes == 8 + 2 ? 0 : 1;
}
