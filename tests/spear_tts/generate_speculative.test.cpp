#include "spearstorm/spear_tts/generate_speculative.hpp"

#include "generation.hpp"

using namespace test;
using ss::token::sequence;

TEST_CASE("spear_tts/generate_speculative: greedy with drafts is greedy, for one row and three, drafts of 1, 3 and 5, guided or not") {
  for (float scale : {1.0f, 2.0f})
    for (ss::index batch : {1, 3})
      for (ss::index gamma : {1, 3, 5}) {
        INFO("batch " << batch << ", gamma " << gamma << ", cond_scale " << scale);
        ss::workspace<exec> work{{.seed = 1}};
        auto const model = opinionated(work);
        std::vector<sequence> sources;
        for (ss::index b = 0; b < batch; ++b) sources.push_back(ss::token::row_of(three_sources, b));
        generate_options options{.max_length = 37, .temperature = 0, .cond_scale = scale};
        auto const plain = ss::spear_tts::generate(model, work, ids_of(sources), text, speech, options);
        options.spec_decode = true, options.spec_decode_gamma = gamma;
        auto const drafted = ss::spear_tts::generate(model, work, ids_of(sources), text, speech, options);
        CHECK(drafted.ids == plain.ids);
        CHECK(drafted.ended == plain.ended);
        CHECK(plain.ids.extent(1) > 8);
        CHECK(drafted.drafted > 0);
        CHECK(drafted.accepted < drafted.drafted);
      }
}

TEST_CASE("spear_tts/generate_speculative: the first two tokens are distributed as plain sampling's, 100,000 draws") {
  ss::workspace<exec> work{{.seed = 2}};
  auto const model = opinionated(work, small, 0.5);
  ss::index const batch = 5000, steps = 20;
  sequence const source{1, 4};
  std::vector<sequence> const many(static_cast<std::size_t>(batch), source);
  generate_options const options{
      .max_length = 2, .temperature = 1.2f, .top_k = 5, .spec_decode = true, .spec_decode_gamma = 2, .keep_eos = true};
  std::vector<double> seen(6 + 36);
  double accepted = 0;
  for (ss::index s = 0; s < steps; ++s) {
    auto const made = ss::spear_tts::generate(model, work, ids_of(many), text, speech, options);
    accepted += made.accepted_share() / static_cast<double>(steps);
    for (ss::index r = 0; r < batch; ++r) {
      auto const ids = ss::token::row_of(made.ids, r);
      ++seen[static_cast<std::size_t>(ids.size() == 1 ? ids[0] : 6 + 6 * ids[0] + ids[1])];
    }
  }
  CHECK(accepted > 0.2);
  CHECK(accepted < 0.9);
  auto const shares = [&](sequence const& prefix) {
    return ss::token::softmax(
        ss::token::with_temperature(ss::spear_tts::filtered(logits_after(model, work, source, prefix), options), 1.2f));
  };
  auto const n = static_cast<double>(batch * steps);
  double chi = 0;
  int cells = 0;
  auto const add = [&](double found, double p) {
    if (p == 0) {
      CHECK(found == 0);  // what top_k removed
    } else {
      chi += std::pow(found - n * p, 2) / (n * p), ++cells;
    }
  };
  auto const first = shares({});
  add(seen[5], static_cast<double>(first[5]));
  for (int a = 0; a < 5; ++a) {
    auto const second = shares({a});
    for (int b = 0; b < 6; ++b)
      add(seen[static_cast<std::size_t>(6 + 6 * a + b)],
          static_cast<double>(first[static_cast<std::size_t>(a)]) * static_cast<double>(second[static_cast<std::size_t>(b)]));
  }
  CHECK(cells > 15);
  CHECK(chi < cells - 1 + 3.1 * std::sqrt(2.0 * (cells - 1)) + 5);  // p below 0.001
}

TEST_CASE("spear_tts/generate_speculative: rows end inside a draft, in a draft's token behind, and at max_length") {
  ss::workspace<exec> work{{.seed = 3}};
  auto const model = opinionated(work, small, 0.4);
  std::vector<sequence> const many(60, sequence{2, 3});
  std::vector<ss::index> heard(60);
  auto const made = ss::spear_tts::generate(
      model, work, ids_of(many), text, speech,
      {.max_length = 7,
       .filter_thres = 1,
       .spec_decode = true,
       .spec_decode_gamma = 4,
       .on_token = [&](ss::index r, ss::index t, std::int32_t) { CHECK(t == heard[static_cast<std::size_t>(r)]++); }});
  std::vector<int> lengths(8);
  for (ss::index r = 0; r < 60; ++r) {
    auto const ids = ss::token::row_of(made.ids, r);
    ++lengths[ids.size()];
    CHECK(static_cast<ss::index>(ids.size()) == heard[static_cast<std::size_t>(r)]);
    CHECK(made.ended[static_cast<std::size_t>(r)] == (ids.size() < 7));
    for (auto id : ids) CHECK(id < 5);
  }
  CHECK(lengths[7] > 0);
  CHECK(std::count(lengths.begin(), lengths.end(), 0) < 4);  // rows of many lengths
}

TEST_CASE("spear_tts/generate_speculative: without lenience all drafts stand") {
  ss::workspace<exec> work{{.seed = 4}};
  auto const model = opinionated(work);
  auto const made = ss::spear_tts::generate(model, work, three_sources, text, speech,
                                            {.max_length = 30, .filter_thres = 1, .spec_decode = true, .spec_decode_lenience = 0});
  CHECK(made.accepted_share() == 1);
}

TEST_CASE("spear_tts/generate_speculative: a layer computes each frame once") {
  ss::workspace<exec> work{{.seed = 5}};
  auto shape = small;
  shape.autoset_semantic_eos_id = false;
  auto const model = opinionated(work, shape);
  std::vector<double> flops;
  generate_options options{.max_length = 1, .filter_thres = 1, .spec_decode = true, .spec_decode_gamma = 3};
  auto const spent = [&] {
    *work.exec().counts = {};
    ss::spear_tts::generate(model, work, ids_of({{1, 2, 3}}), text, speech, options);
    return work.exec().counts->flops;
  };
  double const one_round = spent();
  options.max_length = 0;
  double const none = spent();
  double const layer = 12 * 16 + 2 * 12 * 8 + 16 * 12 + 12 * 16 + 16 * 12 + 3 * 12 * 16;
  double const exit = 3 * 12 * 32 + 12 * 5;  // its feed-forward's inner size is 32
  CHECK(one_round - none == 2 * (4 * (3 * layer + 12 * 5) + 3 * exit));
}

TEST_CASE("spear_tts/generate_speculative: what it cannot do is named") {
  ss::workspace<exec> work{{.seed = 6}};
  auto shape = small;
  model_type const with{work, shape};
  shape.target_early_exit_layer = 0;
  model_type const without{work, shape};
  generate_options const options{.max_length = 2, .spec_decode = true};
  CHECK_THROWS_WITH(ss::spear_tts::generate(without, work, three_sources, text, speech, options),
                    "text_to_semantic: target_early_exit_layer = 0, expected 1 to 3: no early exit was built");
  CHECK_THROWS_WITH(ss::spear_tts::generate(with, work, ids_of({{1}}), speech, text, options),
                    "text_to_semantic: the early exit is asked for speech to text, expected text to speech");
}
