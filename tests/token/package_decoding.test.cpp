#include "spearstorm/token/package_decoding.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using ss::index;
using row = std::vector<float>;

namespace {

/// One row of 3 frames and 2 levels, the last frame given (frames, levels) = (3, 2) by `prompt_frames` frames of a prompt.
token::package_state start(index prompt_frames = 0) {
  return token::start_package(token::start_decoding(token::all_valid(1, 3), 2, 8, token::code_array({1, prompt_frames, 2}, 7)));
}
auto const all = token::all_valid(1, 3);

}  // namespace

TEST_CASE("token/package_decoding: the plan, by hand") {
  auto const plan = token::package_plan(3, 1, 4, token::linear_schedule, std::vector<index>{8, 5});
  REQUIRE(plan.size() == 6);
  std::vector<index> const expected[] = {{6, 3}, {4, 2}, {2, 1}, {0, 0}, {0, 0}, {0, 0}};
  double const annealing[] = {0.75, 0.5, 0.25, 0, 0.75, 0.75};  // fine levels are sampled nearly as hot as the first pass
  for (std::size_t p = 0; p < 6; ++p) {
    CHECK(plan[p].level == (p < 4 ? 0 : static_cast<index>(p) - 3));
    CHECK(plan[p].mask_again == expected[p]);
    CHECK(plan[p].annealing == annealing[p]);
    CHECK(plan[p].ranks() == (p < 3));
  }
  CHECK(token::package_plan(3, 2, 4, token::linear_schedule, std::vector<index>{8}).size() == 9);
  CHECK(token::package_plan(3, 0, 4, token::linear_schedule, std::vector<index>{8}).size() == 3);
  CHECK_THROWS_WITH(token::package_plan(3, 4, 4, token::linear_schedule, std::vector<index>{8}),
                    "package_plan: num_full_sampling_levels = 4, expected 0 to 3");
  CHECK(token::package_temperature(2, plan[1]) == 1.0f);
  CHECK(token::package_temperature(2, plan[3]) == 1e-3f);
}

TEST_CASE("token/package_decoding: a choice by hand") {
  row const logits{0, 1, 2, 3};
  auto const plain = token::package_sample(logits, 0.5, 1, row{0, 0, 0, 0});
  CHECK(plain.id == 3);
  CHECK(plain.confidence == Approx(1 / (1 + std::exp(-1.0))));  // among the two that are left
  CHECK(token::package_sample(logits, 0.5, 1, row{100, 100, 1.5f, 0}).id == 2);
  CHECK(token::package_sample(logits, 0.5, 0.5f, row{100, 100, 1.5f, 0}).id == 3);  // 4 + 1.5 against 6
  CHECK_THROWS_WITH(token::package_sample(logits, 0.5, 1, row{0}), "package_sample: gumbel has vocab = 1, logits expects vocab = 4");
}

TEST_CASE("token/package_decoding: tokens of all levels are ranked together, then all above the level is masked, by hand") {
  auto state = start();
  token::package_pass const pass{.level = 0, .step = 0, .steps = 2, .annealing = 0.5, .mask_again = {3}};
  token::begin_package_pass(state, pass);
  token::put_samples(state, token::code_array({1, 3, 2}, {0, 1, 2, 3, 4, 5}));
  CHECK(state.shown.codes == token::code_array({1, 3, 2}, {0, 1, 2, 3, 4, 5}));
  token::score_array const scores({1, 3, 2},
                                  {0.1f, 0.9f, 0.5f, 0.8f, 0.2f, 0.3f});  // the three highest: both of level 1 first, then frame 1
  token::mask_again(state, pass, scores, true, all);
  CHECK(state.shown.codes == token::code_array({1, 3, 2}, {0, 8, 8, 8, 4, 8}));  // one token of level 0 where the schedule says three
  CHECK(state.to_sample == token::masked_array({1, 3, 2}, {0, 1, 1, 1, 0, 1}));
  CHECK_FALSE(state.ranked.has_value());

  token::package_pass const next{.level = 1, .mask_again = {0}};
  token::begin_package_pass(state, next);
  CHECK(state.to_sample == token::masked_array({1, 3, 2}, {0, 1, 0, 1, 0, 1}));  // frame 1 of level 0 stays as it was
}

TEST_CASE("token/package_decoding: a prompt is neither sampled nor masked, though it uses up the budget") {
  auto state = start(1);
  token::package_pass const pass{.level = 0, .step = 0, .steps = 2, .annealing = 0.5, .mask_again = {2}};
  token::begin_package_pass(state, pass);
  token::put_samples(state, token::code_array({1, 3, 2}, 1));
  CHECK(state.shown.codes == token::code_array({1, 3, 2}, {7, 7, 1, 1, 1, 1}));
  token::mask_again(state, pass, token::score_array({1, 3, 2}, {0.9f, 0.8f, 0.5f, 0.1f, 0.2f, 0.3f}), true, all);
  CHECK(state.shown.codes == token::code_array({1, 3, 2}, {7, 7, 1, 8, 1, 8}));  // both places went to the prompt
}

TEST_CASE("token/package_decoding: what was fixed may be masked again, unless can_mask_prev_unmasked is false") {
  token::score_array const first({1, 3, 2}, {0.9f, 0, 0.8f, 0, 0.1f, 0}), second({1, 3, 2}, {0.2f, 0, 0.1f, 0, 0.9f, 0});
  token::package_pass const two{.level = 0, .step = 0, .steps = 3, .annealing = 0.6, .mask_again = {2}};
  token::package_pass const one{.level = 0, .step = 1, .steps = 3, .annealing = 0.3, .mask_again = {1}};
  for (bool again : {true, false}) {
    auto state = start();
    token::put_samples(state, token::code_array({1, 3, 2}, 1));
    token::mask_again(state, two, first, again, all);
    CHECK(token::masked_at(state.shown, 0) == token::flag_array({1, 3}, {1, 1, 0}));
    token::put_samples(state, token::code_array({1, 3, 2}, 2));
    token::mask_again(state, one, second, again, all);
    CHECK(token::masked_at(state.shown, 0) == (again ? token::flag_array({1, 3}, {0, 0, 1}) : token::flag_array({1, 3}, {1, 0, 0})));
  }
}

TEST_CASE("token/package_decoding: padding is ranked last and never sampled; of ties the first is masked") {
  auto const valid = token::valid_frames(std::vector<index>{2}, 3);
  auto state = token::start_package(token::start_decoding(valid, 2, 8));
  token::put_samples(state, token::code_array({1, 3, 2}, 1));
  CHECK(state.shown.codes == token::code_array({1, 3, 2}, {1, 1, 1, 1, 8, 8}));
  token::package_pass const pass{.level = 0, .step = 0, .steps = 2, .annealing = 0.5, .mask_again = {1}};
  token::mask_again(state, pass, token::score_array({1, 3, 2}, {0.5f, 0.4f, 0.5f, 0.5f, 9, 9}), true, valid);
  CHECK(state.shown.codes == token::code_array({1, 3, 2}, {8, 8, 1, 8, 8, 8}));
  CHECK(state.to_sample == token::masked_array({1, 3, 2}, {1, 1, 0, 1, 0, 0}));
}
