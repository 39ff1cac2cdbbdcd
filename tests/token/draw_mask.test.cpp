#include "spearstorm/token/draw_mask.hpp"

#include <algorithm>
#include <set>

#include "catch.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using ss::index;

namespace {
/// Code 10 * frame + level + 1000 * example, so that every id tells where it comes from.
token::code_array told(index batch, index frames, index levels) {
  token::code_array codes({batch, frames, levels});
  for (index b = 0; b < batch; ++b)
    for (index t = 0; t < frames; ++t)
      for (index l = 0; l < levels; ++l) codes(b, t, l) = static_cast<std::int32_t>(1000 * b + 10 * t + l);
  return codes;
}
token::schedule share(float of) {
  return [of](float) { return of; };
}
ss::random_stream at(std::uint32_t step) { return {.seed = 42, .step = step, .stream = ss::stream_id("soundstorm/mask")}; }
}  // namespace

TEST_CASE("token/draw_mask: one level without prompt, all masked, by hand") {
  token::code_array const codes({1, 3, 1}, {4, 5, 6});
  auto const drawn = token::draw_mask(codes, 8, {.schedule = share(1), .prompt = false, .coin_prob = 0}, at(0), 0);
  CHECK(drawn.prompt == std::vector<index>{0});
  CHECK(drawn.level == std::vector<index>{0});
  CHECK(drawn.input == token::code_array({1, 3, 1}, {8, 8, 8}));
  CHECK(drawn.target == token::id_array({1, 3}, {4, 5, 6}));
  CHECK(drawn.target_mask == token::flag_array({1, 3}, {1, 1, 1}));
}

TEST_CASE("token/draw_mask: the table of what is shown, for every prompt and level") {
  // 4 frames (the last padded) x 3 levels, everything maskable masked. M = 9000 is the mask id; prompt p, level q:
  std::int32_t const M = 9000;
  auto const shown = [&](index p, index q, index t, index l) -> std::int32_t {
    if (t == 3) return M;                                              // padding
    if (t < p || l < q) return static_cast<std::int32_t>(10 * t + l);  // prompt, or a coarser level: the truth
    return M;                                                          // the level itself, and all finer ones
  };
  token::code_array codes = told(1, 4, 3);
  for (index l = 0; l < 3; ++l) codes(0, 3, l) = -1;
  token::flag_array const valid({1, 4}, {1, 1, 1, 0});
  std::set<std::pair<index, index>> seen;
  for (std::uint32_t step = 0; step < 200; ++step) {
    auto const drawn = token::draw_mask(codes, valid, M, {.schedule = share(1), .coin_prob = 0}, at(step), 0);
    index const p = drawn.prompt[0], q = drawn.level[0];
    seen.insert({p, q});
    for (index t = 0; t < 4; ++t) {
      for (index l = 0; l < 3; ++l) REQUIRE(drawn.input(0, t, l) == shown(p, q, t, l));
      REQUIRE(drawn.target_mask(0, t) == (t >= p && t < 3));
      REQUIRE(drawn.target(0, t) == (t == 3 ? M : codes(0, t, q)));
    }
  }
  CHECK(seen.size() == 9);  // prompts 0, 1, 2 and levels 0, 1, 2 all occur
}

TEST_CASE("token/draw_mask: kept and random tokens stay in the loss") {
  auto const codes = told(1, 400, 2);
  token::mask_options options{.schedule = share(0.5f), .prompt = false, .coin_prob = 1};
  auto const drawn = token::draw_mask(codes, 9000, options, at(1), 0);
  // 200 chosen; floor(200 * 0.15) = 30 kept; floor(170 * 0.1 * 0.85) = 14 random; 156 show the mask id
  index chosen = 0, kept = 0, random = 0, masked = 0, changed = 0;
  for (index t = 0; t < 400; ++t) {
    bool const in = drawn.target_mask(0, t), k = drawn.kept(0, t), r = drawn.randomized(0, t);
    auto const id = drawn.input(0, t, drawn.level[0]), truth = codes(0, t, drawn.level[0]);
    chosen += in, kept += k, random += r, masked += id == 9000, changed += r && id != truth;
    REQUIRE(!(k && r));
    REQUIRE((in || !(k || r)));
    if (k || !in) REQUIRE(id == truth);
    if (r) REQUIRE((id >= 0 && id < 9000));
    if (in) REQUIRE(drawn.target(0, t) == truth);
  }
  CHECK(chosen == 200);
  CHECK(kept == 30);
  CHECK(random == 14);
  CHECK(masked == 156);
  CHECK(changed > 10);

  options.replaced_in_loss = false;  // soundstorm-pytorch's way: the same draw, a smaller loss
  auto const theirs = token::draw_mask(codes, 9000, options, at(1), 0);
  CHECK(theirs.input == drawn.input);
  for (index t = 0; t < 400; ++t)
    REQUIRE(theirs.target_mask(0, t) == (drawn.target_mask(0, t) && !drawn.kept(0, t) && !drawn.randomized(0, t)));
}

TEST_CASE("token/draw_mask: random codes leave one mask id at least") {
  token::mask_options const options{.schedule = share(1), .prompt = false, .no_replace_prob = 0, .random_token_prob = 1, .coin_prob = 1};
  auto const drawn = token::draw_mask(told(1, 6, 1), 100, options, at(0), 0);
  CHECK(std::count(drawn.input.begin(), drawn.input.end(), 100) == 1);
  CHECK(std::count(drawn.target_mask.begin(), drawn.target_mask.end(), ss::flag{1}) == 6);
}

TEST_CASE("token/draw_mask: one valid frame, or none") {
  token::code_array const codes({3, 2, 1}, {3, -1, -1, -1, 1, 2});
  token::flag_array const valid({3, 2}, {1, 0, 0, 0, 1, 1});
  for (std::uint32_t step = 0; step < 50; ++step)
    for (bool per_example : {true, false}) {
      auto const drawn = token::draw_mask(codes, valid, 8, {.per_example = per_example}, at(step), 0);
      CHECK(drawn.prompt[0] == 0);
      CHECK(drawn.target_mask(0, 0) == 1);
      CHECK(drawn.target_mask(0, 1) + drawn.target_mask(1, 0) + drawn.target_mask(1, 1) == 0);
      CHECK(drawn.input(1, 0, 0) == 8);
    }
}

TEST_CASE("token/draw_mask: properties over random batches") {
  ss::random_stream const shapes{.seed = 9};
  for (std::uint32_t trial = 0; trial < 3000; ++trial) {
    index const batch = 1 + shapes.below(4, trial, 0), frames = 1 + shapes.below(20, trial, 1), levels = 1 + shapes.below(5, trial, 2);
    auto const codes = told(batch, frames, levels), before = codes;
    token::flag_array valid({batch, frames});
    std::uint32_t position = 3;
    for (auto& f : valid) f = shapes.below(5, trial, position++) > 0;  // any mask, not only a tail of padding
    token::mask_options const options{.rule = trial % 2 ? token::count_rule::bernoulli : token::count_rule::exact,
                                      .per_example = trial % 3 > 0};
    auto const drawn = token::draw_mask(codes, valid, 5000, options, at(trial), 64);
    REQUIRE(codes == before);
    std::set<index> prompts;  // in valid frames, of rows that have any
    index shortest = frames;
    for (index b = 0; b < batch; ++b) {
      index chosen = 0, open = 0, shown = 0;
      for (index t = 0; t < frames; ++t) {
        shown += valid(b, t) && t < drawn.prompt[static_cast<std::size_t>(b)];
        chosen += drawn.target_mask(b, t), open += valid(b, t);
        if (drawn.target_mask(b, t)) REQUIRE((valid(b, t) && t >= drawn.prompt[static_cast<std::size_t>(b)]));
        if (!valid(b, t)) continue;
        for (index l = 0; l < levels; ++l) {
          bool const prompt = t < drawn.prompt[static_cast<std::size_t>(b)];
          index const level = drawn.level[static_cast<std::size_t>(b)];
          if (prompt || l < level || (l == level && !drawn.target_mask(b, t))) REQUIRE(drawn.input(b, t, l) == codes(b, t, l));
          if (!prompt && l > level) REQUIRE(drawn.input(b, t, l) == 5000);
        }
      }
      REQUIRE((open == 0 ? chosen == 0 : chosen >= 1));
      if (open > 0) prompts.insert(shown), shortest = std::min(shortest, open);
      if (!options.per_example) REQUIRE(drawn.level[static_cast<std::size_t>(b)] == drawn.level[0]);
    }
    if (!options.per_example) {  // one prompt for all rows, which the shortest of them has room for
      REQUIRE(prompts.size() <= 1);
      if (!prompts.empty()) REQUIRE(*prompts.begin() < shortest);
      continue;
    }
    // the last example alone is drawn as within its batch
    token::code_array one({1, frames, levels});
    token::flag_array one_valid({1, frames});
    std::copy_n(codes.data() + (batch - 1) * frames * levels, frames * levels, one.data());
    std::copy_n(valid.data() + (batch - 1) * frames, frames, one_valid.data());
    auto const alone = token::draw_mask(one, one_valid, 5000, options, at(trial), 64 + batch - 1);
    REQUIRE(std::equal(alone.input.begin(), alone.input.end(), drawn.input.data() + (batch - 1) * frames * levels));
    REQUIRE(std::equal(alone.target_mask.begin(), alone.target_mask.end(), drawn.target_mask.data() + (batch - 1) * frames));
  }
}

TEST_CASE("token/draw_mask: prompts and levels are uniform, shares follow the schedule") {
  token::flag_array const valid = token::valid_frames(std::vector<index>(4000, 5), 6);
  auto const drawn = token::draw_mask(told(4000, 6, 4), valid, 9000000, {}, at(0), 0);
  std::vector<int> prompts(5, 0), levels(4, 0);
  for (std::size_t b = 0; b < 4000; ++b)
    ++prompts.at(static_cast<std::size_t>(drawn.prompt[b])), ++levels.at(static_cast<std::size_t>(drawn.level[b]));
  double chi_prompt = 0, chi_level = 0;
  for (int n : prompts) chi_prompt += (n - 800) * (n - 800) / 800.0;
  for (int n : levels) chi_level += (n - 1000) * (n - 1000) / 1000.0;
  CHECK(chi_prompt < 18.5);  // 4 degrees of freedom, p = 0.001
  CHECK(chi_level < 16.3);   // 3 degrees of freedom, p = 0.001

  // the mean of cos(u), u in [0, pi/2], is 2 / pi
  for (auto rule : {token::count_rule::exact, token::count_rule::bernoulli}) {
    auto const whole = token::draw_mask(told(1000, 100, 1), 9000000, {.rule = rule, .prompt = false}, at(3), 0);
    double masked = 0;
    for (auto f : whole.target_mask) masked += f;
    CHECK(masked / 100000 == Approx(2 / 3.14159265).margin(0.02));
  }
}

TEST_CASE("token/draw_mask: weights say how often a level is drawn") {
  auto const drawn = token::draw_mask(told(5000, 3, 4), 9000000, {.level_weights = {3, 1, 0, 1}}, at(0), 0);
  std::vector<int> levels(4, 0);
  for (index level : drawn.level) ++levels.at(static_cast<std::size_t>(level));
  CHECK(levels[2] == 0);
  double const chi = std::pow(levels[0] - 3000, 2) / 3000 + std::pow(levels[1] - 1000, 2) / 1000 + std::pow(levels[3] - 1000, 2) / 1000;
  CHECK(chi < 13.8);  // 2 degrees of freedom, p = 0.001
}

TEST_CASE("token/draw_mask: frames given as a prompt are always shown, and the prompt drawn lies behind them") {
  auto const codes = told(3, 6, 2);
  token::flag_array valid = token::all_valid(3, 6);
  valid(2, 5) = 0;
  std::vector<index> const given{4, 0, 2};
  std::vector<int> prompts(6, 0);
  for (std::uint32_t step = 0; step < 300; ++step)
    for (bool drawn_too : {true, false}) {
      auto const drawn = token::draw_mask(codes, valid, 5000, {.prompt = drawn_too}, at(step), 0, given);
      for (index b = 0; b < 3; ++b) {
        auto const row = static_cast<std::size_t>(b);
        if (!drawn_too) REQUIRE(drawn.prompt[row] == given[row]);
        if (b == 0 && drawn_too) ++prompts.at(static_cast<std::size_t>(drawn.prompt[row]));
        index masked = 0;
        for (index t = 0; t < 6; ++t) {
          masked += drawn.target_mask(b, t);
          if (t >= given[row]) continue;
          REQUIRE(drawn.target_mask(b, t) == 0);
          for (index l = 0; l < 2; ++l) REQUIRE(drawn.input(b, t, l) == codes(b, t, l));
        }
        REQUIRE(masked >= 1);
      }
    }
  CHECK(prompts[4] + prompts[5] == 300);  // of row 0 two frames are left: the first of them, or both, are masked
  CHECK(std::min(prompts[4], prompts[5]) > 100);
}

TEST_CASE("token/draw_mask: chosen_rows by hand") {
  token::drawn_mask drawn;
  drawn.level = {2, 0, 2};
  drawn.input = token::code_array({3, 2, 3});
  drawn.target = token::id_array({3, 2}, {10, 11, 12, 13, 14, 15});
  drawn.target_mask = token::flag_array({3, 2}, {0, 1, 1, 1, 1, 0});
  auto const list = token::chosen_rows(drawn);
  CHECK(std::vector<std::int32_t>(list.rows.begin(), list.rows.end()) == std::vector<std::int32_t>{2, 3, 1, 4});
  CHECK(std::vector<std::int32_t>(list.targets.begin(), list.targets.end()) == std::vector<std::int32_t>{12, 13, 11, 14});
  CHECK(list.offsets == std::vector<index>{0, 2, 2, 4});
}

TEST_CASE("token/draw_mask: what it refuses") {
  auto const codes = told(2, 3, 1);
  CHECK_THROWS_WITH(token::draw_mask(codes, 100, {}, at(0), 5),
                    "draw_mask: codes of example 6, frame 0, level 0 hold 1000, expected 0 to 99");
  CHECK_THROWS_WITH(token::draw_mask(codes, token::all_valid(1, 3), 9000, {}, at(0), 0),
                    "draw_mask: valid has batch = 1, codes expects batch = 2");
  CHECK_THROWS_AS(token::draw_mask(codes, 9000, {.no_replace_prob = 1.1f}, at(0), 0), ss::value_error);
  CHECK_THROWS_AS(token::draw_mask(codes, 9000, {.random_token_prob = -0.1f}, at(0), 0), ss::value_error);
  CHECK_THROWS_AS(token::draw_mask(codes, 9000, {.coin_prob = 2}, at(0), 0), ss::value_error);
  CHECK_THROWS_AS(token::draw_mask(codes, 9000, {.schedule = share(2)}, at(0), 0), ss::value_error);
  CHECK_THROWS_AS(token::draw_mask(token::code_array({1, 3, 0}), 9000, {}, at(0), 0), ss::shape_error);
  CHECK_THROWS_WITH(token::draw_mask(told(1, 2, 3), 5000, {.level_weights = {1, 2}}, at(0), 0),
                    "draw_mask: level_weights has levels = 2, codes expects levels = 3");
  CHECK_THROWS_WITH(token::draw_mask(told(1, 2, 2), 5000, {.level_weights = {0, 0}}, at(0), 0),
                    "draw_mask: level_weights are all 0, expected one above 0");
  CHECK_THROWS_WITH(token::draw_mask(told(1, 2, 2), 5000, {}, at(0), 0, std::vector<index>{3}),
                    "draw_mask: prompt_frames = 3, expected 0 to 2");
}
