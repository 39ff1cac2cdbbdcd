#include "spearstorm/token/mask_subset.hpp"

#include <map>

#include "catch.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using ss::index;

namespace {
index count_row(token::flag_array const& flags, index row) {
  index n = 0;
  for (index t = 0; t < flags.extent(1); ++t) n += flags(row, t);
  return n;
}
}  // namespace

TEST_CASE("token/mask_subset: the number chosen, by hand") {
  // floor, then at least min_mask, then never more than valid - min_keep_mask
  struct line {
    index total;
    float prob;
    index min_mask, min_keep, expected;
  };
  for (auto const& l :
       {line{10, 0.55f, 0, 0, 5}, line{10, 0.0f, 1, 0, 1}, line{10, 1.0f, 0, 0, 10}, line{10, 1.0f, 0, 3, 7}, line{1, 0.9f, 0, 0, 0},
        line{1, 0.0f, 1, 1, 0}, line{0, 1.0f, 1, 0, 0}, line{2, 0.5f, 5, 0, 2}, line{3, 1.0f, 1, 9, 0}, line{20, 0.15f, 0, 0, 3}})
    CHECK(token::subset_count(l.total, token::exact_count(l.total, l.prob), l.min_mask, l.min_keep) == l.expected);
}

TEST_CASE("token/mask_subset: exact counts and never a padded position, over thousands of shapes") {
  ss::random_stream const shapes{.seed = 1, .step = 0, .stream = ss::stream_id("shapes")};
  for (std::uint32_t trial = 0; trial < 3000; ++trial) {
    index const batch = 1 + shapes.below(4, trial, 0), frames = 1 + shapes.below(30, trial, 1);
    token::subset_options const options{.min_mask = shapes.below(4, trial, 2),
                                        .min_keep_mask = shapes.below(4, trial, 3),
                                        .rule = shapes.below(2, trial, 4) ? token::count_rule::bernoulli : token::count_rule::exact};
    token::flag_array mask({batch, frames});
    std::uint32_t at = 5;
    for (auto& f : mask) f = shapes.below(4, trial, at++) > 0;
    std::vector<float> prob;
    for (index b = 0; b < batch; ++b) prob.push_back(shapes.uniform(trial, at++));

    ss::random_stream const stream{.seed = 7, .step = trial, .stream = 3};
    auto const chosen = token::get_mask_subset_prob(mask, prob, options, stream, 100);
    for (index b = 0; b < batch; ++b) {
      index const total = count_row(mask, b), count = count_row(chosen, b);
      if (options.rule == token::count_rule::exact)
        REQUIRE(count == token::subset_count(total, token::exact_count(total, prob[static_cast<std::size_t>(b)]), options.min_mask,
                                             options.min_keep_mask));
      REQUIRE(count >= std::min(options.min_mask, std::max<index>(0, total - options.min_keep_mask)));
      REQUIRE(total - count >= std::min(options.min_keep_mask, total));
      for (index t = 0; t < frames; ++t) REQUIRE(chosen(b, t) <= mask(b, t));
      // the same example alone, in another batch and place, is drawn the same
      token::flag_array row({1, frames});
      for (index t = 0; t < frames; ++t) row(0, t) = mask(b, t);
      auto const alone = token::get_mask_subset_prob(row, prob[static_cast<std::size_t>(b)], options, stream, 100 + b);
      for (index t = 0; t < frames; ++t) REQUIRE(alone(0, t) == chosen(b, t));
    }
  }
}

TEST_CASE("token/mask_subset: every pair out of five valid positions is equally likely") {
  token::flag_array const mask({1, 7}, {1, 0, 1, 1, 1, 0, 1});
  std::map<std::vector<ss::flag>, int> seen;
  int const draws = 5000;
  for (int i = 0; i < draws; ++i) {
    auto const chosen = token::get_mask_subset_prob(mask, 0.5f, {}, {.seed = 11, .step = 0, .stream = 1}, i);
    ++seen[{chosen.begin(), chosen.end()}];
  }
  CHECK(seen.size() == 10);
  double chi = 0;
  for (auto const& [subset, n] : seen) chi += (n - draws / 10.0) * (n - draws / 10.0) / (draws / 10.0);
  CHECK(chi < 27.9);  // 9 degrees of freedom, p = 0.001
}

TEST_CASE("token/mask_subset: the paper's rule tosses a coin for each position") {
  token::flag_array const mask({1, 4}, ss::flag{1});
  double chi = 0;
  std::vector<int> seen(5, 0);
  int const draws = 8000;
  token::subset_options const options{.rule = token::count_rule::bernoulli};
  for (int i = 0; i < draws; ++i)
    ++seen[static_cast<std::size_t>(count_row(token::get_mask_subset_prob(mask, 0.25f, options, {.seed = 5}, i), 0))];
  double const binomial[] = {81 / 256.0, 108 / 256.0, 54 / 256.0, 12 / 256.0, 1 / 256.0};
  for (std::size_t k = 0; k < 5; ++k) chi += std::pow(seen[k] - draws * binomial[k], 2) / (draws * binomial[k]);
  CHECK(chi < 18.5);  // 4 degrees of freedom, p = 0.001
  CHECK(count_row(token::get_mask_subset_prob(mask, 1.0f, options, {}, 0), 0) == 4);
  CHECK(count_row(token::get_mask_subset_prob(mask, 0.0f, options, {}, 0), 0) == 0);
}

TEST_CASE("token/mask_subset: what it refuses") {
  token::flag_array const mask({2, 4}, ss::flag{1});
  CHECK_THROWS_WITH(token::get_mask_subset_prob(mask, std::vector<float>{0.5f}, {}, {}, 0),
                    "get_mask_subset_prob: prob has batch = 1, mask expects batch = 2");
  CHECK_THROWS_AS(token::get_mask_subset_prob(mask, 1.5f, {}, {}, 0), ss::value_error);
  CHECK_THROWS_AS(token::get_mask_subset_prob(mask, std::nanf(""), {}, {}, 0), ss::value_error);
  CHECK_THROWS_AS(token::get_mask_subset_prob(mask, 0.5f, {.min_mask = -1}, {}, 0), ss::value_error);
  CHECK_THROWS_AS(token::get_mask_subset_prob(mask, 0.5f, {.min_keep_mask = -1}, {}, 0), ss::value_error);
}
