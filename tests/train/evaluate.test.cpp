#include "spearstorm/train/evaluate.hpp"

#include "catch.hpp"
#include "support/policies.hpp"

using namespace test;
using namespace ss::train;

namespace {

token_set set_of(std::vector<ss::index> const& lengths, ss::index levels, ss::index vocab) {
  token_set set{{.codec = "test", .sample_hz = 1, .downsample_factor = 1, .num_quantizers = levels, .codebook_size = vocab}, {}};
  ss::random_stream const draws{1, 0, 0};
  for (std::size_t u = 0; u < lengths.size(); ++u) {
    utterance made{std::to_string(u), utterance_codes({lengths[u], levels})};
    for (ss::index i = 0; i < made.codes.size(); ++i)
      made.codes.data()[i] = static_cast<std::int32_t>(
          draws.below(static_cast<std::uint32_t>(vocab), static_cast<std::uint32_t>(u), static_cast<std::uint32_t>(i)));
    set.utterances.push_back(std::move(made));
  }
  return set;
}

}  // namespace

TEST_CASE("train/evaluate: a row of logits is scored by hand") {
  std::vector<float> logits(12);
  for (int i = 0; i < 12; ++i) logits[static_cast<std::size_t>(i)] = static_cast<float>(i);
  double total = 0;
  for (int i = 0; i < 12; ++i) total += std::exp(i);
  level_score sums;
  ss::train::detail::score_row<float>(logits, 11, sums);
  CHECK(sums.loss == Approx(std::log(total) - 11));
  CHECK(sums.top1 == 1);
  CHECK(sums.top10 == 1);
  ss::train::detail::score_row<float>(logits, 2, sums);  // the tenth best
  CHECK(sums.top1 == 1);
  CHECK(sums.top10 == 2);
  ss::train::detail::score_row<float>(logits, 1, sums);
  CHECK(sums.top10 == 2);
  CHECK(sums.count == 3);
}

TEST_CASE("train/evaluate: a level's task shows what lies below, hides what lies above and a share of its own") {
  auto const set = set_of({6}, 3, 10);
  ss::token::code_array const codes({1, 6, 3}, {set.utterances[0].codes.begin(), set.utterances[0].codes.end()});
  auto const valid = ss::token::valid_frames(std::vector<ss::index>{5}, 6);
  auto const drawn = evaluation_mask(codes, valid, 10, 1, {.schedule = [](float) { return 1.0f; }, .prompt = false}, 0);
  for (ss::index t = 0; t < 5; ++t) {
    CHECK(drawn.input(0, t, 0) == codes(0, t, 0));
    CHECK(drawn.input(0, t, 1) == 10);
    CHECK(drawn.input(0, t, 2) == 10);
    CHECK(drawn.target(0, t) == codes(0, t, 1));
    CHECK(drawn.target_mask(0, t) == 1);
  }
  CHECK(drawn.target_mask(0, 5) == 0);
  CHECK(drawn.input(0, 5, 0) == 10);

  bool prompted = false;
  for (ss::index example = 0; example < 20; ++example) {
    auto const shown = evaluation_mask(codes, valid, 10, 1, {}, example);
    ss::index const prompt = shown.prompt[0];
    prompted = prompted || prompt > 0;
    for (ss::index t = 0; t < prompt; ++t)
      for (ss::index l = 0; l < 3; ++l) CHECK(shown.input(0, t, l) == codes(0, t, l));
    for (ss::index t = prompt; t < 5; ++t) {
      CHECK(shown.input(0, t, 2) == 10);
      CHECK(shown.input(0, t, 1) == (shown.target_mask(0, t) ? 10 : codes(0, t, 1)));
    }
    CHECK(std::count(shown.target_mask.begin(), shown.target_mask.end(), ss::flag{1}) >= 1);
    CHECK(evaluation_mask(codes, valid, 10, 1, {}, example).input == shown.input);
  }
  CHECK(prompted);
}

TEST_CASE("train/evaluate: an untrained net is at chance, twice the same, and nothing else notices") {
  constexpr ss::soundstorm_shape shape{
      .codebook_size = 16, .num_quantizers = 2, .body = {.dim = 16, .depth = 1, .dim_head = 8, .heads = 2, .conv_kernel_size = 3}};
  ss::workspace<fastest> work{{.seed = 1}};
  ss::soundstorm::model<shape, fastest> const net(work);
  batches const source(set_of({9, 5, 7, 7, 12}, 2, 16), {.batch = 2, .shuffle = false, .window = 1});
  auto const before = work.random();
  auto const one = evaluate(work, net, source);
  CHECK(work.random() == before);
  { ss::inference<fastest> ctx{work}; }
  auto const two = evaluate(work, net, source);
  REQUIRE(one.levels.size() == 2);
  for (std::size_t l = 0; l < 2; ++l) {
    CHECK(one.levels[l].count >= 5);
    CHECK(one.levels[l].loss == Approx(std::log(16)).epsilon(0.2));
    CHECK(one.levels[l].top1 <= one.levels[l].top10);
    CHECK(one.levels[l].loss == two.levels[l].loss);
  }
  CHECK(to_json(one)["levels"][1]["count"] == one.levels[1].count);

  // Padding does not change what an example scores: one by one there is none.
  batches const single(source.tokens(), {.batch = 1, .shuffle = false, .window = 1});
  auto const alone = evaluate(work, net, single);
  for (std::size_t l = 0; l < 2; ++l) {
    CHECK(alone.levels[l].count == one.levels[l].count);
    CHECK(alone.levels[l].loss == Approx(one.levels[l].loss).epsilon(1e-5));
  }
  CHECK(evaluate(work, net, single, {.max_batches = 1}).levels[0].count < one.levels[0].count);
}

TEST_CASE("train/evaluate: a batch's own prompt is shown whole, a drawn one lies behind it") {
  auto const set = set_of({8}, 2, 10);
  ss::token::code_array const codes({1, 8, 2}, {set.utterances[0].codes.begin(), set.utterances[0].codes.end()});
  auto const valid = ss::token::all_valid(1, 8);
  std::vector<ss::index> const shown{3};
  bool more = false;
  for (ss::index example = 0; example < 20; ++example)
    for (bool drawn : {false, true}) {
      auto const mask = evaluation_mask(codes, valid, 10, 0, {.prompt = drawn}, example, shown);
      if (drawn) more = more || mask.prompt[0] > 3;
      if (!drawn) CHECK(mask.prompt[0] == 3);
      for (ss::index t = 0; t < 8; ++t) {
        if (t < mask.prompt[0]) CHECK(mask.target_mask(0, t) == 0);
        CHECK(mask.input(0, t, 0) == (mask.target_mask(0, t) ? 10 : codes(0, t, 0)));
        CHECK(mask.input(0, t, 1) == (t < mask.prompt[0] ? codes(0, t, 1) : 10));
      }
    }
  CHECK(more);
  CHECK_THROWS_WITH(evaluation_mask(codes, valid, 10, 0, {}, 0, std::vector<ss::index>{9}), "evaluate: prompt_frames = 9, expected 0 to 8");
}

TEST_CASE("train/evaluate: without the condition, the semantic tokens do not matter") {
  ss::soundstorm_shape const shape{.codebook_size = 16,
                                   .num_quantizers = 2,
                                   .body = {.dim = 16, .depth = 1, .dim_head = 8, .heads = 2, .conv_kernel_size = 3},
                                   .num_semantic_token_ids = 4};
  ss::workspace<fastest> work{{.seed = 1}};
  ss::soundstorm::model<ss::dynamic_soundstorm, fastest> const net(work, shape);
  auto set = set_of({9, 5, 7}, 2, 16);
  set.info.semantic = {.sample_hz = 1, .downsample_factor = 1, .num_semantic_token_ids = 4};
  auto other = set;
  for (std::size_t u = 0; u < 3; ++u)
    for (ss::index t = 0; t < set.utterances[u].codes.extent(0); ++t) {
      set.utterances[u].semantic.push_back(static_cast<std::int32_t>(t % 4));
      other.utterances[u].semantic.push_back(static_cast<std::int32_t>((t + 1) % 4));
    }
  auto const loss = [&](token_set const& of, bool condition) {
    return evaluate(work, net, batches(of, {.batch = 2, .shuffle = false}), {.condition = condition}).loss();
  };
  CHECK(loss(set, true) != loss(other, true));
  CHECK(loss(set, false) == loss(other, false));
  CHECK(loss(set, false) != loss(set, true));
}

TEST_CASE("train/evaluate: unigram entropy of a set") {
  token_set set{{.codec = "test", .sample_hz = 1, .downsample_factor = 1, .num_quantizers = 2, .codebook_size = 4},
                {{"a", utterance_codes({2, 2}, {0, 3, 1, 3})}, {"b", utterance_codes({2, 2}, {0, 3, 1, 3})}}};
  auto const entropies = unigram_entropy(set);
  CHECK(entropies[0] == Approx(std::log(2)));
  CHECK(entropies[1] == Approx(0).margin(1e-12));
}
