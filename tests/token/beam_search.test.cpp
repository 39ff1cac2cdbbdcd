#include "spearstorm/token/beam_search.hpp"

#include <functional>

#include "catch.hpp"
#include "spearstorm/token/log_softmax.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using ids = std::vector<std::int32_t>;
using rows = std::vector<std::vector<double>>;

namespace {

/// Log probabilities that depend on all of the tokens before, as a network's do.
std::vector<double> made_up(ids const& before, ss::index vocabulary) {
  std::uint32_t key = 7;
  for (std::int32_t id : before) key = key * 31 + static_cast<std::uint32_t>(id) + 1;
  std::vector<float> logits;
  for (ss::index v = 0; v < vocabulary; ++v) logits.push_back(2 * ss::random_stream{11, 0, 0}.normal(key, static_cast<std::uint32_t>(v)));
  return token::log_softmax(logits);
}

token::beam_search searched(token::beam_options options, ss::index vocabulary) {
  token::beam_search beams(options);
  while (!beams.done()) {
    rows log_probs;
    for (auto const& h : beams.live()) log_probs.push_back(made_up(h.ids, vocabulary));
    beams.advance_(log_probs);
  }
  return beams;
}

/// Every sequence that ends, and every one of max_length that does not.
std::vector<token::hypothesis> exhaustive(token::beam_options const& o, ss::index vocabulary) {
  std::vector<token::hypothesis> all;
  std::function<void(token::hypothesis)> const go = [&](token::hypothesis h) {
    auto const length = static_cast<ss::index>(h.ids.size());
    if (length == o.max_length) {
      h.score = token::beam_score(h.log_prob, length, o.length_penalty);
      all.push_back(h);
      return;
    }
    auto const p = made_up(h.ids, vocabulary);
    for (std::int32_t v = 0; v < vocabulary; ++v) {
      auto next = h;
      next.log_prob += p[static_cast<std::size_t>(v)];
      if (v == o.eos) {
        next.ended = true, next.score = token::beam_score(next.log_prob, length + 1, o.length_penalty);
        all.push_back(next);
      } else {
        next.ids.push_back(v);
        go(next);
      }
    }
  };
  go({});
  std::stable_sort(all.begin(), all.end(), [](auto const& l, auto const& r) { return l.score > r.score; });
  return all;
}

}  // namespace

TEST_CASE("token/beam_search: three steps by hand, what ends is kept aside") {
  auto const log = [](std::vector<double> p) {
    for (double& x : p) x = std::log(x);
    return p;
  };
  token::beam_search beams({.beam_size = 2, .n_best = 2, .max_length = 3, .eos = 2});
  auto step = beams.advance_(rows{log({0.5, 0.3, 0.2})});  // eos is third: not of the first two
  CHECK(step.parents == std::vector<ss::index>{0, 0});
  CHECK(step.ids == ids{0, 1});
  CHECK(beams.ended().empty());
  step = beams.advance_(rows{log({0.1, 0.1, 0.8}), log({0.5, 0.4, 0.1})});  // "0 eos" 0.4, "1 0" 0.15, "1 1" 0.12
  CHECK(step.parents == std::vector<ss::index>{1, 1});
  CHECK(step.ids == ids{0, 1});
  REQUIRE(beams.ended().size() == 1);
  CHECK(beams.ended()[0].ids == ids{0});
  CHECK(std::exp(beams.ended()[0].log_prob) == Approx(0.4));
  CHECK(!beams.done());
  step = beams.advance_(rows{log({0.9, 0.05, 0.05}), log({0.1, 0.1, 0.8})});  // "1 0 0" 0.135, "1 1 eos" 0.096
  CHECK(beams.done());
  auto const best = beams.best();
  REQUIRE(best.size() == 2);
  CHECK(best[0].ids == ids{0});
  CHECK(best[1].ids == ids{1, 0, 0});
  CHECK(!best[1].ended);
  CHECK(std::exp(best[1].score) == Approx(0.135));
}

TEST_CASE("token/beam_search: a beam as wide as the tree finds the n best of all sequences, whatever the penalty") {
  for (double alpha : {0.0, 1.0, 0.6, -0.5}) {
    INFO("length_penalty " << alpha);
    token::beam_options const options{.beam_size = 200, .length_penalty = alpha, .n_best = 12, .max_length = 5, .eos = 1};
    auto const found = searched(options, 4).best();
    auto const all = exhaustive(options, 4);
    REQUIRE(found.size() == 12);
    for (std::size_t i = 0; i < found.size(); ++i) {
      CHECK(found[i].ids == all[i].ids);
      CHECK(found[i].ended == all[i].ended);
      CHECK(found[i].score == Approx(all[i].score));
    }
  }
}

TEST_CASE("token/beam_search: it stops as soon as nothing better can come, and not before") {
  auto const steps_of = [](double alpha) {
    token::beam_search beams({.beam_size = 2, .length_penalty = alpha, .max_length = 100, .eos = 0});
    int steps = 0;
    double const rest = std::log(0.5);
    for (; !beams.done(); ++steps)
      beams.advance_(rows(beams.live().size(), {steps == 0 ? std::log(0.6) : -1e9, steps == 0 ? std::log(0.4) : rest, -1e9}));
    return std::pair{steps, beams.best()[0].ended};
  };
  CHECK(steps_of(0) == std::pair{1, true});  // 0.6 has ended, 0.4 lives and can only fall
  // divided by its length, log(0.4) + k log(0.5) rises to log(0.5) from below and never reaches log(0.6); at 100 tokens even log(0.4) / 100 could
  CHECK(steps_of(1).first > 50);
  CHECK(steps_of(1).second);
}

TEST_CASE("token/beam_search: beam 1 is greedy; without an eos all run to max_length; ties go to the lower parent and id") {
  auto const greedy = searched({.beam_size = 1, .max_length = 6}, 5).best();
  REQUIRE(greedy.size() == 1);
  ids expected;
  for (int i = 0; i < 6; ++i) {
    auto const p = made_up(expected, 5);
    expected.push_back(static_cast<std::int32_t>(std::max_element(p.begin(), p.end()) - p.begin()));
  }
  CHECK(greedy[0].ids == expected);
  CHECK(!greedy[0].ended);

  token::beam_search even({.beam_size = 3, .max_length = 4});
  even.advance_(rows{{-1, -1, -1, -1}});
  auto const step = even.advance_(rows{{-2, -1}, {-1, -1}, {-1, -2}});
  CHECK(step.parents == std::vector<ss::index>{0, 1, 1});
  CHECK(step.ids == ids{1, 0, 1});
}

TEST_CASE("token/beam_search: tokens that may not follow are no candidates; a beam that cannot go on is done") {
  double const never = -std::numeric_limits<double>::infinity();
  token::beam_search beams({.beam_size = 4, .n_best = 2, .eos = 0});
  auto const step = beams.advance_(rows{{never, -1, never}});
  CHECK(step.ids == ids{1});
  CHECK(beams.live().size() == 1);
  beams.advance_(rows{{0, never, never}});
  CHECK(beams.done());
  CHECK(beams.best().size() == 1);
}

TEST_CASE("token/beam_search: what it refuses") {
  CHECK_THROWS_WITH(token::beam_search({.beam_size = 0}), "beam_search: beam_size = 0, expected 1 to 1048576");
  CHECK_THROWS_WITH(token::beam_search({.beam_size = 2, .n_best = 3}), "beam_search: n_best = 3, expected 1 to 2");
  CHECK_THROWS_AS(token::beam_search({.length_penalty = std::nan("")}), ss::value_error);
  token::beam_search beams({.max_length = 1});
  CHECK_THROWS_WITH(beams.advance_(rows{{-1}, {-1}}), "beam_search: log_probs has rows = 2, the beam expects rows = 1");
  CHECK_THROWS_WITH(beams.advance_(rows{{-1, 0.5}}), "beam_search: log_prob of token 1 is 0.5, expected at most 0");
  CHECK_THROWS_AS(beams.advance_(rows{{-1, std::nan("")}}), ss::numeric_error);
  beams.advance_(rows{{-1, -1}});
  CHECK_THROWS_AS(beams.advance_(rows{{-1, -1}}), ss::value_error);
}
