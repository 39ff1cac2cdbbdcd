#include "spearstorm/spear_tts/generate_beam.hpp"

#include "generation.hpp"

using namespace test;
using ss::token::hypothesis;
using ss::token::sequence;

namespace {

std::vector<double> log_probs_after(model_type const& model, ss::workspace<exec>& work, sequence const& source, sequence const& prefix,
                                    float scale, float temperature) {
  auto const with = logits_after(model, work, source, prefix);
  return ss::token::log_softmax(ss::token::with_temperature(
      ss::token::guided<float>(with, logits_after(model, work, source, prefix, true), {scale, 0}), temperature));
}

void check_same(std::vector<hypothesis> const& found, std::vector<hypothesis> const& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i].ids == expected[i].ids);
    CHECK(found[i].ended == expected[i].ended);
    CHECK(found[i].score == Approx(expected[i].score).epsilon(1e-4));
  }
}

}  // namespace

TEST_CASE("spear_tts/generate_beam: a beam as wide as the tree finds the best of all sequences") {
  auto shape = small;
  shape.num_semantic_token_ids = 3;
  for (double alpha : {0.0, 1.0}) {
    ss::workspace<exec> work{{.seed = 1}};
    auto const model = opinionated(work, shape, 0.3);
    ss::index const longest = 4;
    std::vector<std::vector<hypothesis>> expected;
    for (ss::index b = 0; b < 2; ++b) {
      std::vector<hypothesis> all, open{{}};
      for (ss::index t = 0; t < longest; ++t) {
        std::vector<hypothesis> next;
        for (auto const& h : open) {
          auto const p = log_probs_after(model, work, ss::token::row_of(three_sources, b), h.ids, 1, 1);
          for (std::int32_t v = 0; v < 4; ++v) {
            auto made = h;
            made.log_prob += p[static_cast<std::size_t>(v)];
            made.score = ss::token::beam_score(made.log_prob, t + 1, alpha);
            made.ended = v == 3;
            if (v < 3) made.ids.push_back(v);
            (v == 3 || t + 1 == longest ? all : next).push_back(made);
          }
        }
        open = next;
      }
      std::stable_sort(all.begin(), all.end(), [](auto const& l, auto const& r) { return l.score > r.score; });
      all.resize(5);
      expected.push_back(all);
    }
    auto const sources = ids_of({ss::token::row_of(three_sources, 0), ss::token::row_of(three_sources, 1)});
    auto const made = ss::spear_tts::generate(
        model, work, sources, text, speech,
        {.max_length = longest, .beam_search_decode = true, .beam_size = 110, .length_penalty = alpha, .n_best = 5});
    REQUIRE(made.beams.size() == 2);
    for (ss::index b = 0; b < 2; ++b) {
      check_same(made.beams[static_cast<std::size_t>(b)], expected[static_cast<std::size_t>(b)]);
      CHECK(ss::token::row_of(made.ids, b) == expected[static_cast<std::size_t>(b)][0].ids);
      CHECK(made.ended[static_cast<std::size_t>(b)] == expected[static_cast<std::size_t>(b)][0].ended);
    }
  }
}

TEST_CASE("spear_tts/generate_beam: shared caches give what the whole decoder gives, run for every hypothesis; a guided batch too") {
  for (float scale : {1.0f, 2.0f}) {
    ss::workspace<exec> work{{.seed = 2}};
    auto const model = opinionated(work, small, 0.4);
    generate_options const options{.max_length = 20,
                                   .temperature = 0.8f,
                                   .beam_search_decode = true,
                                   .beam_size = 3,
                                   .length_penalty = 0.7,
                                   .n_best = 2,
                                   .cond_scale = scale,
                                   .keep_eos = true};
    auto const made = ss::spear_tts::generate(model, work, three_sources, text, speech, options);
    for (ss::index b = 0; b < 3; ++b) {
      INFO("example " << b << ", cond_scale " << scale);
      ss::token::beam_search beams({.beam_size = 3, .length_penalty = 0.7, .n_best = 2, .max_length = 20, .eos = 5});
      while (!beams.done()) {
        std::vector<std::vector<double>> log_probs;
        for (auto const& h : beams.live())
          log_probs.push_back(log_probs_after(model, work, ss::token::row_of(three_sources, b), h.ids, scale, 0.8f));
        beams.advance_(log_probs);
      }
      auto const best = beams.best();
      check_same(made.beams[static_cast<std::size_t>(b)], best);
      auto ids = best[0].ids;
      if (best[0].ended) ids.push_back(5);
      CHECK(ss::token::row_of(made.ids, b) == ids);
    }
  }
}

TEST_CASE("spear_tts/generate_beam: one beam is greedy; a filter of the user's bans tokens") {
  ss::workspace<exec> work{{.seed = 3}};
  auto const model = opinionated(work);
  auto const greedy = ss::spear_tts::generate(model, work, three_sources, text, speech, {.max_length = 15, .temperature = 0});
  auto const beam =
      ss::spear_tts::generate(model, work, three_sources, text, speech, {.max_length = 15, .beam_search_decode = true, .beam_size = 1});
  CHECK(beam.ids == greedy.ids);
  CHECK(beam.ended == greedy.ended);
  auto const only_four = [](std::span<float const> logits) {
    row made(logits.size(), -std::numeric_limits<float>::infinity());
    made[4] = logits[4];
    return made;
  };
  auto const banned = ss::spear_tts::generate(model, work, three_sources, text, speech,
                                              {.max_length = 3, .filter_logits = only_four, .beam_search_decode = true});
  CHECK(banned.ids == ids_of({{4, 4, 4}, {4, 4, 4}, {4, 4, 4}}));
}
