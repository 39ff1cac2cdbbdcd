// What decoding is told of temperatures, candidates and steps: each option reaches every pass.

#include "catch.hpp"
#include "policies.hpp"
#include "spearstorm/soundstorm/model.hpp"

using namespace test;
namespace token = ss::token;
namespace storm = ss::soundstorm;

namespace {

using work_type = ss::workspace<fastest>;
using model_type = storm::model<ss::dynamic_soundstorm, fastest>;
constexpr ss::index frames = 24, vocab = 9;

ss::soundstorm_shape const shape{.codebook_size = vocab,
                                 .num_quantizers = 2,
                                 .body = {.dim = 16, .depth = 1, .dim_head = 8, .heads = 2, .ff_mult = 2, .conv_kernel_size = 3}};

/// The same draws again, whatever was decoded before.
token::code_array generate(model_type const& model, work_type& work, storm::generate_options const& options) {
  work.restore_({1, 1, 0});
  return model.generate(work, options);
}

/// One pass: what it was shown, and what it guessed.
struct seen_pass {
  token::decode_pass pass;
  token::code_array shown;
  storm::pass_guess guess;
};
std::vector<seen_pass> passes_of(model_type const& model, work_type& work, storm::generate_options const& options) {
  std::vector<seen_pass> all;
  token::code_array shown({1, frames, 2}, vocab);
  work.restore_({1, 1, 0});
  storm::decode(model, work, options, [&](auto const& pass, auto const& state, auto const& guess) {
    all.push_back({pass, std::exchange(shown, state.codes), guess});
  });
  return all;
}

/// Checks every guess of the passes that sample: drawn at the pass's temperature from the candidates of its row of logits.
void check_guesses(model_type const& model, work_type& work, std::vector<seen_pass> const& passes, std::vector<float> const& temperatures,
                   token::candidate_options const& filter) {
  work.restore_({1, 1, 0});
  ss::inference<fastest> ctx{work};  // draws as the decoding has drawn
  ss::array<std::int32_t, ss::axes::rows<>> all({frames});
  for (ss::index t = 0; t < frames; ++t) all(t) = static_cast<std::int32_t>(t);
  for (std::size_t p = 0; p < temperatures.size(); ++p) {
    auto const& [pass, shown, guess] = passes[p];
    auto const stream = ctx.stream("soundstorm/sample");
    auto const frame = ctx.frame();
    auto const logits = ctx.download(model.net.logits(ctx, model.net.trunk(ctx, ctx.upload(shown)), ctx.upload(all), {0, frames, frames}));
    for (ss::index t = 0; t < frames; ++t) {
      if (!guess.masked(0, t)) continue;
      auto const row = logits.values().subspan(static_cast<std::size_t>(t * vocab), vocab);
      CHECK(guess.ids(0, t) == token::gumbel_sample(token::candidates(row, filter), temperatures[p], stream, 0, t));
    }
  }
}

}  // namespace

TEST_CASE("soundstorm/decoder_options: steps_per_level says how many passes each level has") {
  work_type work{{.seed = 1}};
  model_type const model{work, shape};
  std::vector<std::array<ss::index, 3>> found;
  for (auto const& seen : passes_of(model, work, {.num_latents = frames, .steps_per_level = {3, 2}, .steps = 5}))
    found.push_back({seen.pass.level, seen.pass.step, seen.pass.steps});
  CHECK(found == std::vector<std::array<ss::index, 3>>{{0, 0, 3}, {0, 1, 3}, {0, 2, 3}, {1, 0, 2}, {1, 1, 2}});
}

TEST_CASE("soundstorm/decoder_options: one candidate is the greedy decoding, however hot, whichever option leaves it") {
  work_type work{{.seed = 2}};
  model_type const model{work, shape};
  storm::generate_options const cold{
      .num_latents = frames, .steps = 3, .num_full_sampling_levels = 2, .start_temperature = 0, .end_temperature = 0, .filter_thres = 0};
  auto hot = cold;
  hot.start_temperature = hot.end_temperature = 10;
  auto const greedy = generate(model, work, cold);
  CHECK_FALSE(generate(model, work, hot) == greedy);
  auto by_k = hot, by_p = hot, by_share = hot;
  by_k.top_k = 1, by_p.top_p = 1e-6, by_share.filter_thres = 0.99;
  CHECK(generate(model, work, by_k) == greedy);
  CHECK(generate(model, work, by_p) == greedy);
  CHECK(generate(model, work, by_share) == greedy);
}

TEST_CASE("soundstorm/decoder_options: the temperature falls from start to end over a level's passes, by hand") {
  work_type work{{.seed = 3}};
  model_type const model{work, shape};
  storm::generate_options options{.num_latents = frames, .steps = 3, .start_temperature = 10, .end_temperature = 4, .filter_thres = 0};
  check_guesses(model, work, passes_of(model, work, options), {8, 6, 4}, {.filter_thres = 0});
  options.anneal = [](float t) { return t < 0.5f ? 1.0f : 0.0f; };
  check_guesses(model, work, passes_of(model, work, options), {10, 4, 4}, {.filter_thres = 0});
  options.anneal = token::linear_schedule, options.end_temperature = 0;
  check_guesses(model, work, passes_of(model, work, options), {20.0f / 3, 10.0f / 3, 0}, {.filter_thres = 0});  // the last takes the best
}

TEST_CASE("soundstorm/decoder_options: codes are drawn from the candidates that the three filters leave") {
  work_type work{{.seed = 4}};
  model_type const model{work, shape};
  for (auto const& [share, k, p] : {std::tuple{0.6, ss::index{0}, 1.0}, {0.6, 3, 1.0}, {0.0, 0, 0.5}, {0.0, 5, 0.7}}) {
    INFO("filter_thres " << share << ", top_k " << k << ", top_p " << p);
    storm::generate_options const options{
        .num_latents = frames, .steps = 3, .start_temperature = 10, .end_temperature = 10, .filter_thres = share, .top_k = k, .top_p = p};
    check_guesses(model, work, passes_of(model, work, options), {10, 10, 10}, {share, k, p});
  }
}
