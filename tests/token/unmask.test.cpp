#include "spearstorm/token/unmask.hpp"

#include "catch.hpp"
#include "spearstorm/core/random.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using ss::index;
using flags = std::vector<ss::flag>;

TEST_CASE("token/unmask: the least confident stay masked, by hand") {
  std::vector<float> const confidence{0.9f, 0.1f, 0.5f, 0.3f};
  CHECK(token::choose_next(confidence, flags{1, 1, 1, 1}, 2) == flags{0, 1, 0, 1});
  CHECK(token::choose_next(confidence, flags{1, 0, 1, 1}, 2) ==
        flags{0, 0, 1, 1});  // frame 1 is fixed: its low confidence is not looked at
  CHECK(token::choose_next(confidence, flags{1, 1, 1, 1}, 0) == flags{0, 0, 0, 0});
  CHECK(token::choose_next(confidence, flags{0, 0, 0, 0}, 0) == flags{0, 0, 0, 0});
  CHECK(token::choose_next(std::vector<float>{0.5f, 0.5f, 0.2f, 0.5f}, flags{1, 1, 1, 1}, 2) == flags{1, 0, 1, 0});  // of a tie the earlier
}

TEST_CASE("token/unmask: of a thousand ties the first stay masked") {
  auto const next = token::choose_next(std::vector<float>(1000, 0.5f), flags(1000, 1), 400);
  for (std::size_t t = 0; t < 1000; ++t) REQUIRE(next[t] == (t < 400));
}

TEST_CASE("token/unmask: what choose_next refuses") {
  std::vector<float> const confidence{0.9f, std::nanf(""), 0.5f};
  CHECK(token::choose_next(confidence, flags{1, 0, 1}, 1) == flags{0, 0, 1});
  CHECK_THROWS_WITH(token::choose_next(confidence, flags{1, 1, 1}, 1), "choose_next: confidence of frame 1 is nan, expected a number");
  CHECK_THROWS_WITH(token::choose_next(confidence, flags{1, 0, 1}, 3), "choose_next: keep_masked = 3, expected 0 to 2");
  CHECK_THROWS_AS(token::choose_next(confidence, flags{1, 1}, 1), ss::shape_error);
}

TEST_CASE("token/unmask: the paper's plan has 27 passes for 12 levels") {
  auto const plan = token::paper_plan(12, 100);
  REQUIRE(plan.passes.size() == 27);
  index const first[] = {99, 98, 95, 92, 88, 83, 77, 70, 63, 55, 47, 38, 29, 19, 9, 0};
  for (std::size_t p = 0; p < 27; ++p) {
    CHECK(plan.passes[p].level == (p < 16 ? 0 : static_cast<index>(p) - 15));
    CHECK(plan.passes[p].greedy == (p >= 16));
    CHECK(plan.passes[p].keep_masked == (p < 16 ? first[p] : 0));
  }
  CHECK(plan.keep_masked(plan.passes[7], std::vector<index>{100, 10, 0}) == std::vector<index>{70, 2, 0});
}

TEST_CASE("token/unmask: any number of steps per level") {
  auto const plan = token::paper_plan(3, 10, std::vector<index>{4, 2, 1}, token::linear_schedule);
  std::vector<index> levels, keep;
  for (auto const& pass : plan.passes) levels.push_back(pass.level), keep.push_back(pass.keep_masked);
  CHECK(levels == std::vector<index>{0, 0, 0, 0, 1, 1, 2});
  CHECK(keep == std::vector<index>{7, 5, 2, 0, 5, 0, 0});
  CHECK(token::paper_steps(3) == std::vector<index>{16, 1, 1});
  CHECK_THROWS_WITH(token::paper_plan(3, 10, std::vector<index>{4, 2}), "paper_plan: steps has levels = 2, plan expects levels = 3");
  CHECK_THROWS_AS(token::paper_plan(2, 10, std::vector<index>{4, 0}), ss::value_error);
}

TEST_CASE("token/unmask: a start with prompt and padding, by hand") {
  token::flag_array const valid({2, 3}, {1, 1, 1, 1, 1, 0});
  token::code_array const prompt({2, 2, 1}, {5, 6, 7, -1});  // 2 frames and 1 frame, of the first level only
  auto const state = token::start_decoding(valid, 2, 8, prompt, std::vector<index>{2, 1});
  CHECK(state.codes == token::code_array({2, 3, 2}, {5, 8, 6, 8, 8, 8, 7, 8, 8, 8, 8, 8}));
  CHECK(state.masked == token::masked_array({2, 3, 2}, {0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0}));
  CHECK(token::masked_totals(state, 0) == std::vector<index>{1, 1});
  CHECK(token::masked_totals(state, 1) == std::vector<index>{3, 2});
  CHECK(token::masked_totals(token::start_decoding(valid, 2, 8), 0) == std::vector<index>{3, 2});
}

TEST_CASE("token/unmask: what a start refuses") {
  token::flag_array const valid({1, 3}, {1, 1, 0});
  CHECK_THROWS_WITH(token::start_decoding(valid, 2, 8, token::code_array({1, 3, 1})),
                    "start_decoding: prompt covers frame 2 of example 0, which is padded");
  CHECK_THROWS_WITH(token::start_decoding(valid, 2, 8, token::code_array({1, 1, 3})),
                    "start_decoding: prompt has levels = 3, expected at most 2");
  CHECK_THROWS_WITH(token::start_decoding(valid, 2, 8, token::code_array({1, 4, 1})),
                    "start_decoding: prompt has frames = 4, expected at most 3");
  CHECK_THROWS_AS(token::start_decoding(valid, 2, 8, token::code_array({2, 1, 1})), ss::shape_error);
  CHECK_THROWS_AS(token::start_decoding(valid, 2, 8, token::code_array({1, 1, 1}, 8)), ss::value_error);
}

TEST_CASE("token/unmask: one pass by hand") {
  auto const start = token::start_decoding(token::flag_array({1, 4}, {1, 1, 1, 0}), 2, 8);
  token::id_array const sampled({1, 4}, {1, 2, 3, 4});
  token::confidence_array const confidence({1, 4}, {0.2f, 0.9f, 0.6f, 1.0f});
  auto const next = token::unmask(start, 0, sampled, confidence, std::vector<index>{1});
  CHECK(next.codes == token::code_array({1, 4, 2}, {8, 8, 2, 8, 3, 8, 8, 8}));
  CHECK(token::masked_at(next, 0) == token::flag_array({1, 4}, {1, 0, 0, 0}));
  CHECK(token::masked_at(next, 1) == token::flag_array({1, 4}, {1, 1, 1, 0}));
  CHECK(start.codes(0, 1, 0) == 8);  // the state given is left as it was
  CHECK_THROWS_WITH(token::unmask(start, 0, token::id_array({1, 4}, 8), confidence, std::vector<index>{1}),
                    "unmask: sampled of example 0, frame 1, level 0 is 8, expected 0 to 7");
  CHECK_THROWS_AS(token::unmask(start, 2, sampled, confidence, std::vector<index>{1}), ss::value_error);
  CHECK_THROWS_AS(token::unmask(start, 0, sampled, confidence, std::vector<index>{}), ss::shape_error);
}

TEST_CASE("token/unmask: whole decodings fix each token once and never touch prompt or padding") {
  ss::random_stream const draw{.seed = 2};
  for (std::uint32_t trial = 0; trial < 100; ++trial) {
    index const batch = 1 + draw.below(3, trial, 0), frames = 1 + draw.below(25, trial, 1), levels = 1 + draw.below(4, trial, 2),
                codebook = 6;
    std::vector<index> lengths, prompts;
    for (index b = 0; b < batch; ++b) {
      lengths.push_back(draw.below(static_cast<std::uint32_t>(frames + 1), trial, static_cast<std::uint32_t>(10 + b)));
      prompts.push_back(draw.below(static_cast<std::uint32_t>(lengths.back() + 1), trial, static_cast<std::uint32_t>(20 + b)));
    }
    token::flag_array const valid = token::valid_frames(lengths, frames);
    token::code_array const prompt({batch, frames, 1 + static_cast<index>(draw.below(static_cast<std::uint32_t>(levels), trial, 3))}, 5);
    auto const start = token::start_decoding(valid, levels, codebook, prompt, prompts);
    auto const plan = token::paper_plan(levels, frames, token::paper_steps(levels, 6));
    auto state = start;
    std::vector<index> totals;
    std::uint32_t position = 0;
    for (auto const& pass : plan.passes) {
      if (pass.step == 0) totals = token::masked_totals(state, pass.level);
      for (index i = 0; i < state.codes.size(); ++i)  // what the net is shown: nothing above the level but the prompt
        if (i % levels > pass.level) REQUIRE(state.codes.data()[i] == start.codes.data()[i]);
      token::id_array sampled({batch, frames});
      token::confidence_array confidence({batch, frames});
      for (auto& id : sampled) id = static_cast<std::int32_t>(draw.below(5, trial + 1000, position++));
      for (auto& c : confidence) c = draw.uniform(trial + 2000, position++);
      auto const keep = plan.keep_masked(pass, totals);
      auto const next = token::unmask(state, pass.level, sampled, confidence, keep);
      REQUIRE(token::masked_totals(next, pass.level) == keep);
      for (index i = 0; i < state.codes.size(); ++i) {
        if (!state.masked.data()[i]) REQUIRE((next.codes.data()[i] == state.codes.data()[i] && !next.masked.data()[i]));
        if (next.masked.data()[i]) REQUIRE(next.codes.data()[i] == codebook);
      }
      state = next;
    }
    for (index b = 0; b < batch; ++b)
      for (index t = 0; t < frames; ++t)
        for (index l = 0; l < levels; ++l) {
          bool const padded = t >= lengths[static_cast<std::size_t>(b)];
          bool const given = t < prompts[static_cast<std::size_t>(b)] && l < prompt.extent(2);
          REQUIRE(state.masked(b, t, l) == 0);
          REQUIRE((padded ? state.codes(b, t, l) == codebook : given ? state.codes(b, t, l) == 5 : state.codes(b, t, l) < 5));
        }
  }
}
