#include "spearstorm/soundstorm/model.hpp"

#include <set>

#include "catch.hpp"
#include "policies.hpp"
#include "spearstorm/backend/counted.hpp"
#include "spearstorm/runtime/summary.hpp"

using namespace test;
using namespace ss::axes;

namespace {

constexpr ss::soundstorm_shape small{.codebook_size = 9,
                                     .num_quantizers = 3,
                                     .body = {.dim = 16, .depth = 1, .dim_head = 8, .heads = 2, .ff_mult = 2, .conv_kernel_size = 3}};

ss::token::code_array random_codes(ss::index batch, ss::index frames, ss::index levels, std::uint64_t seed) {
  ss::token::code_array codes({batch, frames, levels});
  ss::random_stream const draws{seed};
  for (ss::index i = 0; i < codes.size(); ++i)
    codes.data()[i] = static_cast<std::int32_t>(draws.below(9, 0, static_cast<std::uint32_t>(i)));
  return codes;
}

}  // namespace

TEST_CASE("soundstorm/generate: 12 levels and 16 steps take 27 passes; what is fixed stays, finer levels stay masked") {
  constexpr ss::soundstorm_shape deep{.codebook_size = 9,
                                      .num_quantizers = 12,
                                      .body = {.dim = 8, .depth = 1, .dim_head = 4, .heads = 2, .ff_mult = 1, .conv_kernel_size = 3}};
  ss::workspace<fastest> work{{.seed = 3}};
  ss::soundstorm::model<deep, fastest> const model{work};
  int passes = 0;
  ss::token::code_array before;
  auto const codes =
      ss::soundstorm::decode(model, work, {.num_latents = 40, .steps = 16}, [&](auto const& pass, auto const& state, auto const&) {
        ++passes;
        CHECK(pass.greedy == (pass.level > 0));
        CHECK(ss::token::masked_totals(state, pass.level).front() == pass.keep_masked);
        for (ss::index t = 0; t < 40; ++t)
          for (ss::index level = 0; level < 12; ++level) {
            if (level > pass.level) CHECK(state.codes(0, t, level) == 9);
            if (before.size() > 0 && before(0, t, level) != 9) CHECK(state.codes(0, t, level) == before(0, t, level));
          }
        before = state.codes;
      });
  CHECK(passes == 27);
  for (auto id : codes) CHECK((id >= 0 && id < 9));
}

TEST_CASE("soundstorm/generate: prompts survive, with fewer levels and other lengths in each row") {
  ss::workspace<fastest> work{{.seed = 4}};
  ss::soundstorm::model<small, fastest> const model{work};
  auto const prompt = random_codes(2, 6, 2, 8);
  auto const codes = model.generate(work, {.lengths = {12, 9}, .prompt = prompt, .prompt_lengths = {6, 4}, .steps = 4});
  CHECK(codes.extents() == ss::sizes<3>{2, 12, 3});
  for (ss::index b = 0; b < 2; ++b)
    for (ss::index t = 0; t < (b == 0 ? 6 : 4); ++t)
      for (ss::index level = 0; level < 2; ++level) CHECK(codes(b, t, level) == prompt(b, t, level));
}

TEST_CASE("soundstorm/generate: the same seed gives the same codes, another seed others") {
  auto const run = [](std::uint64_t seed) {
    ss::workspace<fastest> work{{.seed = 5}};
    ss::soundstorm::model<small, fastest> const model{work};
    work.restore_({seed, 1, 0});
    return model.generate(
        work, {.num_latents = 30, .steps = 2, .start_temperature = 20, .filter_thres = 0});  // hot: an untrained net prefers one code
  };
  CHECK(run(1) == run(1));
  CHECK_FALSE(run(1) == run(2));
}

TEST_CASE("soundstorm/generate: a row's codes do not depend on the padding beside it") {
  ss::workspace<fastest> work{{.seed = 6}};
  ss::soundstorm::model<small, fastest> const model{work};
  auto const prompt = random_codes(1, 3, 3, 2);
  work.restore_({1, 1, 0});
  auto const alone = model.generate(work, {.num_latents = 8, .prompt = prompt, .steps = 3, .start_temperature = 0});
  work.restore_({1, 1, 0});
  ss::token::code_array both({2, 3, 3});
  for (ss::index i = 0; i < both.size(); ++i) both.data()[i] = prompt.data()[i % prompt.size()];
  auto const padded = model.generate(work, {.lengths = {8, 15}, .prompt = both, .steps = 3, .start_temperature = 0});
  for (ss::index t = 0; t < 8; ++t)
    for (ss::index level = 0; level < 3; ++level) CHECK(padded(0, t, level) == alone(0, t, level));
}

TEST_CASE("soundstorm/generate: without a length the error says what is missing") {
  ss::workspace<fastest> work;
  ss::soundstorm::model<small, fastest> const model{work};
  CHECK_THROWS_WITH(model.generate(work, {}), "generate: num_latents = 0, expected 1 or more, or lengths");
}

TEST_CASE("soundstorm/model: the loss computes logits of chosen rows only, and its draws repeat with the step") {
  using exec = ss::counted<fastest>;
  ss::workspace<exec> work{{.seed = 7}};
  ss::soundstorm::model<small, exec> const model{work};
  ss::soundstorm::token_batch const batch{.codes = random_codes(3, 20, 3, 1)};
  auto const start = work.random();
  auto const run = [&] {
    ss::inference<exec> ctx{work};
    auto const before = work.exec().counts->logit_rows;
    auto const loss = model.loss(ctx, batch);
    CHECK(work.exec().counts->logit_rows - before == loss.chosen.rows.size());
    return ctx.item(loss.total);
  };
  double const first = run();
  double const second = run();
  work.restore_(start);
  CHECK(run() == first);
  CHECK(first != second);
}

TEST_CASE("soundstorm/model: what padded frames hold changes neither loss nor gradients by a bit") {
  ss::workspace<fastest> work{{.seed = 8}};
  ss::soundstorm::model<small, fastest> const model{work};
  auto const start = work.random();
  auto const run = [&](std::int32_t filler) {
    ss::soundstorm::token_batch batch{.codes = random_codes(2, 10, 3, 4), .valid = ss::token::flag_array({2, 10}, 1)};
    for (ss::index t = 6; t < 10; ++t) {
      batch.valid(1, t) = 0;
      for (ss::index level = 0; level < 3; ++level) batch.codes(1, t, level) = filler;
    }
    work.restore_(start);
    ss::recording<fastest> ctx{work};
    auto const loss = model.loss(ctx, batch);
    auto g = ctx.gradients(loss.total);
    std::vector<float> all{static_cast<float>(ctx.item(loss.total))};
    ss::for_each_parameter(model, [&](std::string const&, auto const& p) {
      auto const host = g.to_host(p);
      all.insert(all.end(), host.begin(), host.end());
    });
    return all;
  };
  CHECK(run(0) == run(8));
}

TEST_CASE("soundstorm/model: a dry run counts the FLOPs and the memory of the real one") {
  ss::soundstorm::token_batch const batch{.codes = random_codes(2, 16, 3, 1)};
  auto const cost = [&]<class Exec>(std::type_identity<Exec>) {
    ss::workspace<Exec> work{{.seed = 7}};
    ss::soundstorm::model<small, Exec> const model{work};
    {
      ss::recording<Exec> ctx{work};
      auto const loss = model.loss(ctx, batch);
      ctx.gradients(loss.total);
    }
    return std::pair{work.exec().counts->flops, work.values().high_water()};
  };
  auto const real = cost(std::type_identity<ss::counted<fastest>>{});
  CHECK(cost(std::type_identity<ss::shape_only<fastest>>{}) == real);
  CHECK(real.first > 0);
  ss::workspace<fastest> work;
  ss::soundstorm::model<small, fastest> const model{work};
  auto const text = ss::summary(model, {.flops = real.first, .bytes_high_water = static_cast<double>(real.second)});
  CHECK(text.find("net.conformer.layers.0.attn.to_q.weight") != std::string::npos);
  CHECK(text.find("(out = 16, in = 16)") != std::string::npos);
  CHECK(text.find("GFLOP") != std::string::npos);
}
