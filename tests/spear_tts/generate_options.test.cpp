#include "spearstorm/spear_tts/generate_options.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
using ss::spear_tts::generate_options;

namespace {
void check(generate_options const& o, double cond_drop_prob = 0) {
  ss::spear_tts::check_options(o, {.num_semantic_token_ids = 9}, cond_drop_prob, ss::spear_tts::token_kind::speech);
}
}  // namespace

TEST_CASE("spear_tts/generate_options: the package's defaults pass; what is out of range is named") {
  CHECK_NOTHROW(check({}));
  CHECK_NOTHROW(check({.top_k = 10}));
  CHECK_THROWS_WITH(check({.max_length = -1}), "generate: max_length = -1, expected 0 to 16777216");
  CHECK_THROWS_WITH(check({.temperature = -1}), "generate: temperature = -1, expected 0 or more");
  CHECK_THROWS_WITH(check({.filter_thres = 1.5}), "generate: filter_thres = 1.5, expected 0 to 1");
  CHECK_THROWS_WITH(check({.top_k = 11}), "generate: top_k = 11, expected 0 to 10");
  CHECK_THROWS_WITH(check({.top_p = -0.5}), "generate: top_p = -0.5, expected 0 to 1");
  CHECK_THROWS_WITH(check({.repetition = {10, 2}}), "generate: repetition.threshold = 2, expected 0 to 1");
  CHECK_THROWS_WITH(check({.beam_size = 0}), "generate: beam_size = 0, expected 1 to 65536");
  CHECK_THROWS_WITH(check({.beam_size = 2, .n_best = 3}), "generate: n_best = 3, expected 1 to 2");
  CHECK_THROWS_WITH(check({.length_penalty = std::numeric_limits<double>::infinity()}),
                    "generate: length_penalty = inf, expected a number");
  CHECK_THROWS_WITH(check({.spec_decode_gamma = 0}), "generate: spec_decode_gamma = 0, expected 1 to 1024");
  CHECK_THROWS_WITH(check({.spec_decode_lenience = 1.5}), "generate: spec_decode_lenience = 1.5, expected 0 to 1");
  CHECK_THROWS_WITH(check({.cond_scale = 0.5f}), "generate: cond_scale = 0.5, expected 1 or more");
  CHECK_THROWS_WITH(check({.cond_rescale = 2}), "generate: cond_rescale = 2, expected 0 to 1");
  CHECK_THROWS_WITH(check({.first_example = -1}), "generate: first_example = -1, expected 0 to 4294967295");
}

TEST_CASE("spear_tts/generate_options: what excludes each other is named with both sides") {
  CHECK_NOTHROW(check({.cond_scale = 3}, 0.1));
  CHECK_THROWS_WITH(check({.cond_scale = 3}),
                    "generate: cond_scale = 3 with cond_drop_prob = 0, expected a model that was trained with cond_drop_prob above 0");
  CHECK_THROWS_WITH(check({.beam_search_decode = true, .spec_decode = true}),
                    "generate: beam_search_decode = true and spec_decode = true, expected one of them");
  CHECK_THROWS_WITH(check({.repetition = {10, 0.1}, .spec_decode = true}),
                    "generate: repetition.window = 10 with spec_decode = true, expected 0: only plain sampling draws again");
  CHECK_THROWS_AS(check({.repetition = {10, 0.1}, .beam_search_decode = true}), ss::value_error);
  CHECK_THROWS_WITH(check({.beam_search_decode = true, .on_token = [](ss::index, ss::index, std::int32_t) {}}),
                    "generate: on_token is set with beam_search_decode = true, expected none: a beam's tokens are known at its end");
}

TEST_CASE("spear_tts/generate_options: the three filters, and one of the user's in their place") {
  float const gone = -std::numeric_limits<float>::infinity();
  std::vector<float> const logits{std::log(0.1f), std::log(0.4f), std::log(0.3f), std::log(0.2f)};
  using row = std::vector<float>;
  CHECK(ss::spear_tts::filtered(logits, {.filter_thres = 0.3}) == row{gone, logits[1], logits[2], gone});
  CHECK(ss::spear_tts::filtered(logits, {.top_k = 3}) == row{gone, logits[1], logits[2], logits[3]});
  CHECK(ss::spear_tts::filtered(logits, {.top_k = 3, .top_p = 0.7}) == row{gone, logits[1], logits[2], gone});
  CHECK(ss::spear_tts::filtered(logits, {.filter_thres = 1}) == logits);
  CHECK(ss::spear_tts::filtered(logits, {.top_k = 1, .filter_logits = [](auto l) { return row(l.begin(), l.end()); }}) == logits);
  CHECK_THROWS_WITH(ss::spear_tts::filtered(logits, {.filter_logits = [](auto) { return row{1}; }}),
                    "generate: what filter_logits gave has vocab = 1, the logits expects vocab = 4");
}
