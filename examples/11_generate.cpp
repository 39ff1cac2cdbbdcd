// 11. Generation in full: semantic tokens and a prompt in, guidance, repetition-aware sampling, the best of three attempts, and a trace of
// every pass as a picture. (Untrained weights: what comes out means nothing, how it comes about is the point.)

#include <cstdio>

#include "spearstorm/soundstorm.hpp"
#include "spearstorm/soundstorm/trace.hpp"
#include "spearstorm/token/best_of.hpp"
#ifdef SPEARSTORM_HAVE_PNG
#include "spearstorm/io/png.hpp"
#include "spearstorm/soundstorm/plot_trace.hpp"
#endif

namespace ss = spearstorm;

int main() {
  using exec = ss::cpu::simd<>;
  ss::soundstorm_shape const shape{
      .codebook_size = 32,
      .num_quantizers = 4,
      .body = {.dim = 32, .depth = 2, .dim_head = 8, .heads = 4, .conv_kernel_size = 5},
      .num_semantic_token_ids = 20,
      .self_cond = true,
  };
  // Semantic tokens at 25 Hz, codes at 50 Hz: each token stands for two frames.
  ss::soundstorm::semantic_rates const rates{
      .wav2vec_target_sample_hz = 16000, .wav2vec_downsample_factor = 640, .codec_target_sample_hz = 16000, .codec_downsample_factor = 320};
  ss::workspace<exec> work{{.seed = 1}};
  ss::soundstorm::model<ss::dynamic_soundstorm, exec> const model{work, shape, ss::soundstorm_options{.rates = rates}};

  ss::token::id_array semantic({2, 30}, -1);  // two sentences, of 30 and 24 tokens
  for (ss::index b = 0; b < 2; ++b)
    for (ss::index t = 0; t < 30 - 6 * b; ++t) semantic(b, t) = static_cast<std::int32_t>((t * 7 + b) % 20);
  ss::soundstorm::generate_options options{
      .semantic = semantic,
      .prompt = ss::token::code_array({2, 10, 4}, 3),
      .prompt_lengths = {10, 6},
      .steps_per_level = {12, 4, 1, 1},
      .start_temperature = 1.5f,
      .repetition = {.window = 10, .threshold = 0.1},
      .cond_scale = 2.5f,
      .cond_rescale = 0.75f,
      .confidence_noise = 1,
  };

  // A scorer of yours: here, how many different codes the first level has.
  auto const variety = [](ss::token::code_array const& row, ss::index) {
    std::vector<bool> seen(32, false);
    double different = 0;
    for (ss::index t = 0; t < row.extent(1); ++t) {
      auto const id = static_cast<std::size_t>(row(0, t, 0));
      different += !seen[id], seen[id] = true;
    }
    return different;
  };
  std::vector<ss::soundstorm::decode_trace> traces(3);
  auto const best = ss::token::best_of(
      3,
      [&](ss::index attempt) { return ss::soundstorm::decode(model, work, options, std::ref(traces[static_cast<std::size_t>(attempt)])); },
      variety);

  bool kept = true;
  for (ss::index b = 0; b < 2; ++b) {
    auto const row = static_cast<std::size_t>(b);
    std::printf("row %td: attempt %td, %g different codes\n", b, best.attempts[row] + 1, best.scores[row]);
    for (ss::index t = 0; t < options.prompt_lengths[row]; ++t) kept = kept && best.codes(b, t, 3) == 3;
  }
  for (auto const& pass : traces[0].passes)
    std::printf("level %td, pass %2td of %2td: %2td frames fixed, %2td masked\n", pass.level + 1, pass.step + 1, pass.steps,
                ss::soundstorm::count_of(pass, 0, ss::soundstorm::frame_state::fixed_now),
                ss::soundstorm::count_of(pass, 0, ss::soundstorm::frame_state::masked));
#ifdef SPEARSTORM_HAVE_PNG
  ss::io::save_png("11_generate.png",
                   ss::soundstorm::plot_trace(traces[0], {.title = "how 60 frames of 4 levels came about", .frame_seconds = 0.02}));
  std::puts("11_generate.png shows them");
#endif
  return kept && best.codes.extent(1) == 60 && traces[0].passes.size() == 18 ? 0 : 1;
}
