#include "catch.hpp"
#include "policies.hpp"
#include "spearstorm/backend/counted.hpp"
#include "spearstorm/soundstorm/model.hpp"
#include "spearstorm/soundstorm/trace.hpp"
#include "spearstorm/token/best_of.hpp"

using namespace test;
namespace token = ss::token;
namespace storm = ss::soundstorm;

namespace {

using exec = ss::counted<fastest>;  // the only instantiation here: it decodes as fastest does
using work_type = ss::workspace<exec>;
using model_type = storm::model<ss::dynamic_soundstorm, exec>;

ss::soundstorm_shape const plain{.codebook_size = 9,
                                 .num_quantizers = 3,
                                 .body = {.dim = 16, .depth = 1, .dim_head = 8, .heads = 2, .ff_mult = 2, .conv_kernel_size = 3}};
ss::soundstorm_shape with_levels(ss::index levels) {
  auto shape = plain;
  shape.num_quantizers = levels;
  return shape;
}
ss::soundstorm_shape conditioned(bool self_cond = false, bool critic = false) {
  auto shape = plain;
  shape.num_semantic_token_ids = 5, shape.self_cond = self_cond, shape.self_token_critic = critic;
  return shape;
}

/// Deterministic ids below `count`.
template <class Array, class Extents>
Array drawn(Extents extents, std::uint32_t count, std::uint64_t seed) {
  Array made(extents);
  ss::random_stream const draws{seed};
  for (ss::index i = 0; i < made.size(); ++i)
    made.data()[i] = static_cast<std::int32_t>(draws.below(count, 0, static_cast<std::uint32_t>(i)));
  return made;
}
token::code_array codes_of(ss::sizes<3> extents, std::uint64_t seed) { return drawn<token::code_array>(extents, 9, seed); }
token::id_array semantic_of(ss::sizes<2> extents, std::uint64_t seed) { return drawn<token::id_array>(extents, 5, seed); }

/// The same draws again, whatever was decoded before.
token::code_array generate(model_type const& model, work_type& work, storm::generate_options const& options, std::uint64_t seed = 1) {
  work.restore_({seed, 1, 0});
  return model.generate(work, options);
}
template <class Observe>
token::code_array watched(model_type const& model, work_type& work, storm::generate_options const& options, Observe const& observe) {
  work.restore_({1, 1, 0});
  return storm::decode(model, work, options, observe);
}

/// One row of an array, padding cut off.
token::code_array row_of(token::code_array const& codes, ss::index row, ss::index frames) {
  token::code_array made({1, frames, codes.extent(2)});
  std::copy_n(codes.data() + row * codes.extent(1) * codes.extent(2), made.size(), made.data());
  return made;
}

/// Hot enough that an untrained net draws many codes.
storm::generate_options hot(storm::generate_options options) {
  options.start_temperature = 10, options.end_temperature = options.decoding == storm::decoding::paper ? 2.0f : 0.0f,
  options.filter_thres = 0;
  return options;
}

}  // namespace

TEST_CASE("soundstorm/decoders: masked counts per pass and level equal the formula; fixed tokens never change; finer levels stay masked") {
  work_type work{{.seed = 3}};
  for (ss::index levels : {1, 3}) {
    model_type const model{work, with_levels(levels)};
    for (ss::index frames : {1, 2, 7, 20})
      for (ss::index steps : {1, 2, 5, 16})
        for (ss::index full : {1, 2}) {
          if (full > levels) continue;
          INFO(frames << " frames, " << steps << " steps, " << levels << " levels, " << full << " in several passes");
          std::vector<ss::index> found, expected;
          token::code_array before({1, frames, levels}, 9);
          watched(model, work, hot({.num_latents = frames, .steps = steps, .num_full_sampling_levels = full}),
                  [&](auto const& pass, auto const& state, auto const& guess) {
                    ss::index left = 0, changed = 0;
                    for (ss::index t = 0; t < frames; ++t)
                      for (ss::index level = 0; level < levels; ++level) {
                        auto const is = state.codes(0, t, level), was = before(0, t, level);
                        left += level == pass.level && is == 9;
                        changed += (was != 9 && is != was) || (level > pass.level && is != 9) || (level < pass.level && is == 9);
                        if (level == pass.level && was == 9 && is != 9) changed += is != guess.ids(0, t);
                      }
                    CHECK(changed == 0);
                    found.push_back(left);
                    before = state.codes;
                  });
          for (ss::index level = 0; level < levels; ++level) {
            // m[s] = max(0, min(floor(cos(pi/2 (s+1)/n) frames), m[s-1] - 1)), 0 after the last; a pass with nothing to guess does not run
            ss::index const n = level < full ? steps : 1;
            ss::index masked = frames;
            for (ss::index s = 0; s < n && masked > 0; ++s) {
              auto const share = std::cos(std::acos(-1.0f) / 2 * static_cast<float>(s + 1) / static_cast<float>(n));
              masked =
                  s + 1 == n ? 0 : std::max<ss::index>(0, std::min(static_cast<ss::index>(share * static_cast<float>(frames)), masked - 1));
              expected.push_back(masked);
            }
          }
          CHECK(found == expected);
        }
  }
}

TEST_CASE("soundstorm/decoders: fine levels are greedy: no draw changes them") {
  work_type work{{.seed = 4}};
  model_type const model{work, plain};
  auto options = hot({.num_latents = 12, .prompt = codes_of({1, 12, 1}, 1), .steps = 6});  // the first level is given
  CHECK(generate(model, work, options, 1) == generate(model, work, options, 2));
  options.num_full_sampling_levels = 2;
  CHECK_FALSE(generate(model, work, options, 1) == generate(model, work, options, 2));
}

TEST_CASE("soundstorm/decoders: grouped quantizers are decoded column after column, and a length may be told in seconds") {
  auto shape = with_levels(2);
  shape.grouped_quantizers = 2;
  work_type work{{.seed = 4}};
  model_type const model{work, shape};
  std::vector<ss::index> levels;
  auto const codes = watched(model, work, {.seconds = 0.5, .frames_per_second = 11, .steps = 2},
                             [&](auto const& pass, auto const&, auto const&) { levels.push_back(pass.level); });
  CHECK(levels == std::vector<ss::index>{0, 0, 1, 2, 3});
  CHECK(codes.extents() == ss::sizes<3>{1, 5, 4});
  for (auto id : codes) CHECK((id >= 0 && id < 9));
}

TEST_CASE("soundstorm/decoders: in both, prompts survive, what is padded never matters, and num_latents counts the prompt") {
  work_type work{{.seed = 5}};
  model_type const model{work, conditioned(true, true)};
  for (auto decoding : {storm::decoding::paper, storm::decoding::soundstorm_pytorch}) {
    INFO("decoder " << static_cast<int>(decoding));
    auto options = hot({.num_latents = 12,
                        .lengths = {12, 9},
                        .semantic = semantic_of({2, 12}, 3),
                        .prompt = codes_of({2, 6, 2}, 8),
                        .prompt_lengths = {6, 4},
                        .decoding = decoding,
                        .steps = 4});
    for (ss::index t = 9; t < 12; ++t) options.semantic(1, t) = -1;
    auto const codes = generate(model, work, options);
    CHECK(codes.extents() == ss::sizes<3>{2, 12, 3});
    for (ss::index b = 0; b < 2; ++b)
      for (ss::index t = 0; t < options.prompt_lengths[static_cast<std::size_t>(b)]; ++t)
        for (ss::index level = 0; level < 2; ++level) CHECK(codes(b, t, level) == options.prompt(b, t, level));
    for (auto id : codes) CHECK((id >= 0 && id < 9));
    for (ss::index t = 9; t < 12; ++t) CHECK(codes(1, t, 0) == 0);
    for (ss::index t = 4; t < 6; ++t)
      for (ss::index level = 0; level < 2; ++level) options.prompt(1, t, level) = 77;
    for (ss::index t = 9; t < 12; ++t) options.semantic(1, t) = -5;
    CHECK(generate(model, work, options) == codes);
    options.mask = token::valid_frames(options.lengths, 12), options.lengths = {};
    CHECK(generate(model, work, options) == codes);
  }
}

TEST_CASE("soundstorm/decoders: in both, a row's codes do not depend on the batch it is in") {
  work_type work{{.seed = 6}};
  model_type const model{work, conditioned(true, true)};
  for (auto decoding : {storm::decoding::paper, storm::decoding::soundstorm_pytorch}) {
    INFO("decoder " << static_cast<int>(decoding));
    std::vector<ss::index> const lengths{11, 7, 9}, prompts{2, 0, 4};
    auto const semantic = semantic_of({3, 11}, 3);
    auto const prompt = codes_of({3, 4, 3}, 8);
    auto options = hot({.lengths = lengths,
                        .semantic = semantic,
                        .prompt = prompt,
                        .prompt_lengths = prompts,
                        .decoding = decoding,
                        .steps_per_level = decoding == storm::decoding::paper ? std::vector<ss::index>{5, 2, 1} : std::vector<ss::index>{},
                        .steps = 5});
    options.critic_sees_all = true;  // else the package's critic reads the padding
    if (decoding == storm::decoding::paper)
      options.repetition = {.window = 3, .threshold = 0.1}, options.cond_scale = 2, options.cond_rescale = 0.5f;
    for (ss::index b = 0; b < 3; ++b)
      for (ss::index t = lengths[static_cast<std::size_t>(b)]; t < 11; ++t) options.semantic(b, t) = -1;
    auto const together = generate(model, work, options);
    for (ss::index b = 0; b < 3; ++b) {
      auto const at = static_cast<std::size_t>(b);
      auto alone = options;
      alone.first_example = b, alone.lengths = {lengths[at]}, alone.prompt_lengths = {prompts[at]};
      alone.prompt = row_of(prompt, b, 4);
      alone.semantic =
          token::id_array({1, lengths[at]}, std::vector<std::int32_t>(semantic.data() + b * 11, semantic.data() + b * 11 + lengths[at]));
      CHECK(generate(model, work, alone) == row_of(together, b, lengths[at]));
    }
  }
}

TEST_CASE("soundstorm/decoders: each pass is shown the condition and the pass before, and guidance equals two runs") {
  work_type work{{.seed = 7}};
  model_type const model{work, conditioned(true)};
  auto const semantic = semantic_of({1, 8}, 3);
  std::vector<ss::flag> const nothing{0}, dropped{1};
  for (float scale : {1.0f, 3.0f}) {
    INFO("cond_scale " << scale);
    std::vector<token::code_array> shown{token::code_array({1, 8, 3}, 9)};
    std::vector<storm::pass_guess> guesses;
    watched(model, work,
            {.num_latents = 8, .semantic = semantic, .steps = 3, .start_temperature = 0, .cond_scale = scale, .cond_rescale = 0.7f},
            [&](auto const&, auto const& state, auto const& guess) { shown.push_back(state.codes), guesses.push_back(guess); });
    REQUIRE(guesses.size() == 5);
    ss::inference<exec> ctx{work};
    std::optional<model_type::features> with, without;
    for (std::size_t p = 0; p < guesses.size(); ++p) {
      ss::index const level = p < 3 ? 0 : static_cast<ss::index>(p) - 2;
      auto const run = [&](std::optional<model_type::features>& before, std::vector<ss::flag> const& drop) {
        model_type::inputs given;
        given.cond = model.condition_of(ctx, semantic, 8, drop);
        given.sum_embeds = model.self_condition(ctx, before, 1, 8);
        before = model.net.trunk(ctx, ctx.upload(shown[p]), given);
        ss::array<std::int32_t, ss::axes::rows<>> all({8});
        for (ss::index t = 0; t < 8; ++t) all(t) = static_cast<std::int32_t>(t);
        std::vector<ss::index> offsets(4, 0);
        std::fill(offsets.begin() + level + 1, offsets.end(), 8);
        return ctx.download(model.net.logits(ctx, *before, ctx.upload(all), offsets));
      };
      auto const yes = run(with, nothing), no = run(without, dropped);
      for (ss::index t = 0; t < 8; ++t) {
        if (!guesses[p].masked(0, t)) continue;
        auto const at = static_cast<std::size_t>(t * 9);
        std::vector<float> const row = scale == 1 ? std::vector<float>(yes.data() + at, yes.data() + at + 9)
                                                  : token::guided(yes.values().subspan(at, 9), no.values().subspan(at, 9), {scale, 0.7f});
        CHECK(guesses[p].ids(0, t) == token::argmax(row));
        CHECK(guesses[p].confidence(0, t) == Approx(token::confidence(row, token::argmax(row))).epsilon(1e-4));
      }
    }
  }
}

TEST_CASE("soundstorm/decoders: the critic's scores rank, the surest fake is masked again") {
  work_type work{{.seed = 8}};
  model_type const model{work, conditioned(false, true)};
  storm::generate_options options{.num_latents = 10, .semantic = semantic_of({1, 10}, 2), .steps = 4, .noise_level_scale = 0};
  int passes = 0;
  token::code_array shown({1, 10, 3}, 9);
  watched(model, work, options, [&](auto const& pass, auto const& state, auto const& guess) {
    auto judged = shown;
    for (ss::index t = 0; t < 10; ++t)
      if (guess.masked(0, t)) judged(0, t, pass.level) = guess.ids(0, t);
    if (pass.keep_masked > 0) {
      ++passes;
      std::vector<ss::flag> const nothing{0};
      // a second workspace holds no weights of the model, but a context of its own: the first one's is open
      work_type other;
      ss::inference<exec> ctx{other};
      model_type::inputs given;
      given.cond = model.condition_of(ctx, options.semantic, 10, nothing);
      auto const fakes = ctx.download(model.critic_scores(ctx, model.net.trunk(ctx, ctx.upload(judged), given)));
      float lowest_kept = 1e9f, highest_masked = -1e9f;
      for (ss::index t = 0; t < 10; ++t) {
        if (!guess.masked(0, t)) continue;
        CHECK(guess.score(0, t) == Approx(-fakes(0, t, pass.level)).margin(1e-5));
        if (state.codes(0, t, pass.level) == 9)
          highest_masked = std::max(highest_masked, guess.score(0, t));
        else
          lowest_kept = std::min(lowest_kept, guess.score(0, t));
      }
      CHECK(highest_masked <= lowest_kept);
    }
    shown = state.codes;
  });
  CHECK(passes == 3);
  options.use_critic = false;
  watched(model, work, options, [&](auto const&, auto const&, auto const& guess) { CHECK(guess.score == guess.confidence); });
}

TEST_CASE("soundstorm/decoders: noise on what is ranked is Gumbel's times its scale times what is left of the passes") {
  work_type work{{.seed = 9}};
  model_type const model{work, conditioned(false, true)};
  storm::generate_options options{.num_latents = 10, .semantic = semantic_of({1, 10}, 2), .steps = 4, .start_temperature = 0};
  auto const guesses_with = [&](bool critic, float scale) {
    options.use_critic = critic;
    (critic ? options.noise_level_scale : options.confidence_noise) = scale;
    std::vector<storm::pass_guess> guesses;
    watched(model, work, options, [&](auto const&, auto const&, auto const& guess) { guesses.push_back(guess); });
    return guesses;
  };
  auto const ranked = guesses_with(false, 2), judged = guesses_with(true, 2), silent = guesses_with(true, 0);
  work.restore_({1, 1, 0});
  ss::inference<exec> ctx{work};  // draws as the decodings have drawn
  for (ss::index p = 0; p < 4; ++p) {
    auto const& guess = ranked[static_cast<std::size_t>(p)];
    auto const stream = ctx.stream("soundstorm/sample");
    float const left = static_cast<float>(3 - p) / 4;
    for (ss::index t = 0; t < 10; ++t) {
      if (!guess.masked(0, t)) continue;
      float const drawn = token::detail::named(stream, "confidence").gumbel(0, static_cast<std::uint32_t>(t));
      CHECK(guess.score(0, t) ==
            Approx(p == 3 ? guess.confidence(0, t) : std::log(guess.confidence(0, t)) + 2 * left * drawn).margin(1e-5));
      float const of_critic = token::detail::named(stream, "critic").gumbel(0, static_cast<std::uint32_t>(t));
      if (p == 0) CHECK(judged[0].score(0, t) == Approx(silent[0].score(0, t) - 2 * left * of_critic).margin(1e-5));
    }
  }
}

TEST_CASE("soundstorm/decoders: a code that stands too often before is drawn again, by hand") {
  auto state = token::start_decoding(token::all_valid(1, 7), 1, 8, token::code_array({1, 1, 1}, 3));
  token::chosen_list const list = storm::detail::rows_of(state, 0);
  REQUIRE(list.rows.size() == 6);
  ss::array<float, ss::axes::rows<>, ss::axes::vocab<>> logits({6, 8});
  for (ss::index r = 0; r < 6; ++r) logits(r, 3) = -std::numeric_limits<float>::infinity();  // so that what is drawn again is another code
  storm::generate_options const options{.repetition = {.window = 2, .threshold = 0.5}};
  storm::pass_guess made{token::id_array({1, 7}, 3), token::confidence_array({1, 7}, 1)};
  storm::detail::draw_repeated_again(state, list, storm::pass_logits<float>{.values = logits},
                                     {.pass = {.steps = 2}, .options = &options, .noise = {.seed = 5}}, made);
  ss::index redrawn[] = {2, 5};  // the two frames before them hold 3, the prompt's frame included; frames 3 and 4 follow a code drawn again
  for (ss::index t = 1; t < 7; ++t) {
    bool const again = std::find(std::begin(redrawn), std::end(redrawn), t) != std::end(redrawn);
    CHECK((made.ids(0, t) != 3) == again);
    CHECK(made.confidence(0, t) == Approx(again ? 1.0 / 7 : 1.0));
  }
}

TEST_CASE("soundstorm/decoders: logits are computed of masked tokens of the pass's level only, doubled by guidance") {
  work_type work{{.seed = 10}};
  model_type const model{work, conditioned(false, true)};
  storm::generate_options options{
      .lengths = {12, 9}, .semantic = semantic_of({2, 12}, 3), .prompt = codes_of({2, 6, 2}, 8), .prompt_lengths = {6, 4}, .steps = 4};
  for (ss::index t = 9; t < 12; ++t) options.semantic(1, t) = -1;
  for (float scale : {1.0f, 2.0f}) {
    options.cond_scale = scale;
    ss::index guessed = 0;
    auto const before = work.exec().counts->logit_rows;
    watched(model, work, options, [&](auto const&, auto const&, auto const& guess) {
      guessed += std::count(guess.masked.begin(), guess.masked.end(), ss::flag{1});
    });
    CHECK(work.exec().counts->logit_rows - before == (scale == 1 ? 1 : 2) * guessed);
    // level 0: 6 and 5 frames without a prompt in four passes, level 1 the same in one, level 2 has no prompt at all
    auto const of = [&](ss::index n) {
      ss::index sum = n;
      for (ss::index masked : token::masked_counts(token::cosine_schedule, 4, n)) sum += masked;
      return sum;
    };
    CHECK(guessed == of(6) + of(5) + 11 + 21);
  }
  options.cond_scale = 1, options.decoding = storm::decoding::soundstorm_pytorch, options.critic_sees_all = true;
  for (bool critic : {false, true}) {
    options.use_critic = critic;
    auto const before = work.exec().counts->logit_rows;
    ss::index read = 0, passes = 0;
    token::masked_array to_sample;
    watched(model, work, options, [&](auto const& pass, auto const& state, auto const&) {
      if (passes++ == 0)
        to_sample = token::start_decoding(token::valid_frames(options.lengths, 12), 3, 9, options.prompt, options.prompt_lengths).masked;
      for (ss::index i = 0; i < to_sample.size(); ++i)
        if (i % 3 < pass.level) to_sample.data()[i] = 0;
      auto const sampled = std::count(to_sample.begin(), to_sample.end(), ss::flag{1});
      read += pass.keep_masked > 0 && !critic ? 21 * 3 : sampled;  // confidence is ranked over all levels of all valid frames
      if (pass.keep_masked > 0) to_sample = state.masked;
    });
    CHECK(work.exec().counts->logit_rows - before == read);
  }
}

TEST_CASE("soundstorm/decoders: the loss computes logits of chosen tokens only, whatever the model is conditioned on") {
  work_type work{{.seed = 11}};
  model_type const model{work, conditioned(true, true)};
  storm::token_batch batch{.codes = codes_of({3, 10, 3}, 1),
                           .valid = token::valid_frames(std::vector<ss::index>{10, 6, 8}, 10),
                           .semantic = semantic_of({3, 10}, 2)};
  for (ss::index t = 6; t < 10; ++t) batch.semantic(1, t) = -1;
  for (ss::index t = 8; t < 10; ++t) batch.semantic(2, t) = -1;
  for (int i = 0; i < 4; ++i) {
    ss::inference<exec> ctx{work};
    auto const before = work.exec().counts->logit_rows;
    auto const loss = model.loss(ctx, batch, storm::loss_options{.self_cond_train_prob = i < 2 ? 1.0f : 0.0f});
    CHECK(work.exec().counts->logit_rows - before == loss.chosen.rows.size());
  }
}

TEST_CASE("soundstorm/decoders: a trace of either tells of every pass") {
  using enum storm::frame_state;
  work_type work{{.seed = 12}};
  model_type const model{work, plain};
  storm::decode_trace ours;
  auto const codes = watched(model, work, hot({.lengths = {10, 8}, .prompt = codes_of({2, 3, 3}, 1), .steps = 4}), std::ref(ours));
  REQUIRE(ours.passes.size() == 6);
  auto const left = token::masked_counts(token::cosine_schedule, 4, 7);
  ss::index before = 7;
  for (std::size_t p = 0; p < 4; ++p) {
    auto const& pass = ours.passes[p];
    CHECK(storm::count_of(pass, 0, prompt) == 3);
    CHECK(storm::count_of(pass, 0, masked) == left[p]);
    CHECK(storm::count_of(pass, 0, fixed_now) == before - left[p]);
    CHECK(storm::count_of(pass, 0, fixed_before) == 7 - before);
    CHECK(storm::count_of(pass, 1, padding) == 2);
    CHECK(storm::count_of(pass, 0, masked_again) == 0);
    before = left[p];
  }
  CHECK(token::fill_padding(ours.codes, token::valid_frames(std::vector<ss::index>{10, 8}, 10), 0) == codes);

  storm::decode_trace theirs;
  watched(model, work,
          hot({.num_latents = 12, .decoding = storm::decoding::soundstorm_pytorch, .steps = 5, .schedule = token::linear_schedule}),
          std::ref(theirs));
  REQUIRE(theirs.passes.size() == 7);
  ss::index fixed_at_once = storm::count_of(theirs.passes[0], 0, fixed_now);
  CHECK(fixed_at_once > 12 - 9);  // the schedule leaves 9 of 12, the ranking over all levels fewer
}

TEST_CASE("soundstorm/decoders: best_of keeps each row's best attempt") {
  work_type work{{.seed = 13}};
  model_type const model{work, plain};
  std::vector<token::code_array> attempts;
  auto const sum = [](token::code_array const& row, ss::index) {
    double total = 0;
    for (auto id : row) total += id;
    return total;
  };
  auto const best = token::best_of(
      4, [&](ss::index) { return attempts.emplace_back(model.generate(work, hot({.num_latents = 6, .batch_size = 3, .steps = 3}))); }, sum);
  for (ss::index b = 0; b < 3; ++b) {
    double most = -1;
    for (auto const& attempt : attempts) most = std::max(most, sum(row_of(attempt, b, 6), b));
    CHECK(sum(row_of(best.codes, b, 6), b) == most);
  }
  CHECK_FALSE(attempts[0] == attempts[1]);
}

TEST_CASE("soundstorm/decoders: recorded draws of another number are refused with both numbers") {
  work_type work{{.seed = 14}};
  model_type const model{work, plain};
  storm::generate_options const options{
      .num_latents = 4, .decoding = storm::decoding::soundstorm_pytorch, .steps = 2, .gumbel = [](ss::index) {
        return std::vector<float>(5);
      }};
  CHECK_THROWS_WITH(model.generate(work, options), "generate: gumbel has size = 5, a pass expects size = 108");
}
