#include "spearstorm/train/batches.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
using namespace ss::train;

namespace {

/// Utterance u has lengths[u] frames of one level that count up from 100 u.
token_set set_of(std::vector<ss::index> const& lengths) {
  token_set set{{.codec = "test", .sample_hz = 1, .downsample_factor = 1, .num_quantizers = 1, .codebook_size = 100000}, {}};
  for (std::size_t u = 0; u < lengths.size(); ++u) {
    utterance made{std::to_string(u), utterance_codes({lengths[u], 1})};
    for (ss::index t = 0; t < lengths[u]; ++t) made.codes(t, 0) = static_cast<std::int32_t>(static_cast<ss::index>(u) * 100 + t);
    set.utterances.push_back(std::move(made));
  }
  return set;
}

std::vector<ss::index> seen_in_epoch(batches const& source, ss::index epoch) {
  std::vector<ss::index> seen;
  for (ss::index k = epoch * source.per_epoch(); k < (epoch + 1) * source.per_epoch(); ++k)
    for (ss::index u : source.at(k).utterances) seen.push_back(u);
  return seen;
}

bool same(numbered_batch const& a, numbered_batch const& b) {
  return a.batch.codes == b.batch.codes && a.batch.valid == b.batch.valid && a.utterances == b.utterances &&
         a.first_example == b.first_example;
}

}  // namespace

TEST_CASE("train/batches: unshuffled, rows are the utterances in order, padded to the longest") {
  batches const source(set_of({2, 3, 1}), {.batch = 2, .shuffle = false, .window = 1});
  REQUIRE(source.per_epoch() == 2);
  auto const first = source.at(0), last = source.at(1), again = source.at(2);
  CHECK(first.batch.codes == ss::token::code_array({2, 3, 1}, {0, 1, 0, 100, 101, 102}));
  CHECK(first.batch.valid == ss::token::flag_array({2, 3}, {1, 1, 0, 1, 1, 1}));
  CHECK(first.tokens == 5);
  CHECK(last.batch.codes == ss::token::code_array({1, 1, 1}, 200));
  CHECK_FALSE(last.batch.padded());
  CHECK(last.first_example == 2);
  CHECK(again.batch.codes == first.batch.codes);
  CHECK(again.epoch == 1);
  CHECK(again.first_example == 4);
}

TEST_CASE("train/batches: a batch is a function of seed and number alone") {
  std::vector<ss::index> lengths;
  for (ss::index u = 0; u < 50; ++u) lengths.push_back(5 + u % 17);
  batch_options const options{.batch = 4, .max_frames = 8, .seed = 3};
  batches const forward(set_of(lengths), options), jump(set_of(lengths), options);
  for (ss::index k : {30, 2, 17, 2}) CHECK(same(forward.at(k), jump.at(k)));
  CHECK(same(jump.at(2), forward.at(2)));
  batches const other(set_of(lengths), {.batch = 4, .max_frames = 8, .seed = 4});
  CHECK_FALSE(same(other.at(0), forward.at(0)));
}

TEST_CASE("train/batches: every epoch shows every utterance once, each in its own order") {
  std::vector<ss::index> const lengths(23, 4);
  batches const source(set_of(lengths), {.batch = 4});
  auto const one = seen_in_epoch(source, 0), two = seen_in_epoch(source, 1);
  CHECK(one != two);
  for (auto seen : {one, two}) {
    std::sort(seen.begin(), seen.end());
    std::vector<ss::index> all(23);
    std::iota(all.begin(), all.end(), ss::index{0});
    CHECK(seen == all);
  }
  batches const whole(set_of(lengths), {.batch = 4, .drop_last = true});
  CHECK(whole.per_epoch() == 5);
  CHECK(seen_in_epoch(whole, 0).size() == 20);
}

TEST_CASE("train/batches: crops are runs of the utterance, elsewhere in another epoch") {
  batches const source(set_of({90}), {.batch = 1, .max_frames = 10});
  std::set<std::int32_t> starts;
  for (ss::index k = 0; k < 20; ++k) {
    auto const codes = source.at(k).batch.codes;
    REQUIRE(codes.extent(1) == 10);
    for (ss::index t = 1; t < 10; ++t) CHECK(codes(0, t, 0) == codes(0, 0, 0) + t);
    CHECK(codes(0, 0, 0) <= 80);
    starts.insert(codes(0, 0, 0));
  }
  CHECK(starts.size() > 10);
}

TEST_CASE("train/batches: similar lengths meet, so little is padded") {
  std::vector<ss::index> lengths;
  for (ss::index u = 0; u < 128; ++u) lengths.push_back(1 + u * 37 % 100);
  auto const padded_share = [&](ss::index window) {
    batches const source(set_of(lengths), {.batch = 8, .window = window});
    ss::index real = 0, all = 0;
    for (auto const& b : source) real += b.tokens, all += b.batch.codes.size();
    return 1.0 - static_cast<double>(real) / static_cast<double>(all);
  };
  CHECK(padded_share(1) > 0.3);
  CHECK(padded_share(16) < 0.08);
}

TEST_CASE("train/batches: ranks split the rows, and an example keeps its global index") {
  std::vector<ss::index> const lengths(10, 3);
  batches const all(set_of(lengths), {.batch = 5});
  for (ss::index k = 0; k < all.per_epoch(); ++k) {
    auto const whole = all.at(k);
    std::vector<ss::index> joined;
    for (ss::index rank = 0; rank < 2; ++rank) {
      auto const part = batches(set_of(lengths), {.batch = 5, .rank = rank, .size = 2}).at(k);
      CHECK(part.first_example == whole.first_example + static_cast<ss::index>(joined.size()));
      joined.insert(joined.end(), part.utterances.begin(), part.utterances.end());
    }
    CHECK(joined == whole.utterances);
  }
}

namespace {

/// Utterance u is spoken by "a" or "b" in turn; a semantic token for every two frames counts up from 100 u / 2.
token_set spoken_set(std::vector<ss::index> const& lengths) {
  token_set set = set_of(lengths);
  set.info.semantic = {.sample_hz = 1, .downsample_factor = 2, .num_semantic_token_ids = 100000};
  for (std::size_t u = 0; u < lengths.size(); ++u) {
    set.utterances[u].speaker = u % 2 == 0 ? "a" : "b";
    for (ss::index t = 0; t < (lengths[u] + 1) / 2; ++t)
      set.utterances[u].semantic.push_back(static_cast<std::int32_t>(static_cast<ss::index>(u) * 50 + t));
  }
  return set;
}

}  // namespace

TEST_CASE("train/batches: semantic tokens come with the codes, by hand") {
  batches const source(spoken_set({5, 2}), {.batch = 2, .shuffle = false, .window = 1});
  auto const batch = source.at(0).batch;
  CHECK(batch.semantic == ss::token::id_array({2, 3}, {0, 1, 2, 50, -1, -1}));
  CHECK(batch.prompt_frames.empty());
  CHECK(batches(set_of({5, 2}), {.batch = 2}).at(0).batch.semantic.size() == 0);
}

TEST_CASE("train/batches: crops and prompts keep codes and semantic tokens together") {
  batches const source(spoken_set({40, 31, 90, 57, 9, 64}), {.batch = 3, .max_frames = 24, .prompt_frames = 10});
  std::set<ss::index> others, starts;
  for (ss::index k = 0; k < 40; ++k) {
    auto const item = source.at(k);
    auto const& [codes, valid, semantic, shown] = item.batch;
    REQUIRE(shown.size() == 3);
    ss::index tokens = 0;
    for (ss::index b = 0; b < 3; ++b) {
      auto const row = static_cast<std::size_t>(b);
      ss::index const u = item.utterances[row], other = item.prompts[row], prompt = shown[row];
      CHECK(u != other);
      CHECK(u % 2 == other % 2);
      if (u == 0) others.insert(other);
      CHECK(prompt == (other == 4 ? 8 : 10));  // whole tokens of nine frames
      ss::index const frames = u == 4 ? 9 : 24;
      for (ss::index t = 0; t < prompt + frames; ++t) {
        CHECK(codes(b, t, 0) / 100 == (t < prompt ? other : u));
        CHECK(semantic(b, t / 2) == codes(b, t, 0) / 2);
        if (item.batch.padded()) CHECK(valid(b, t) == 1);
      }
      for (ss::index t = (prompt + frames + 1) / 2; t < semantic.extent(1); ++t) CHECK(semantic(b, t) == -1);
      for (ss::index t = prompt + frames; t < codes.extent(1); ++t) CHECK(valid(b, t) == 0);
      if (u == 2) starts.insert(codes(b, prompt, 0));
      tokens += prompt + frames;
    }
    CHECK(item.tokens == tokens);
  }
  CHECK(others == std::set<ss::index>{2, 4});
  CHECK(starts.size() > 8);
}

TEST_CASE("train/batches: who is alone or unknown gets no prompt") {
  auto set = spoken_set({20, 20, 20});
  set.utterances[2].speaker.clear();
  batches const source(set, {.batch = 3, .shuffle = false, .prompt_frames = 4});
  CHECK(source.at(0).prompts == std::vector<ss::index>{-1, -1, -1});
  CHECK(source.at(0).batch.prompt_frames == std::vector<ss::index>{0, 0, 0});
  CHECK(source.at(0).batch.codes.extent(1) == 20);
}

TEST_CASE("train/batches: options out of range are named") {
  CHECK_THROWS_WITH(batches(spoken_set({9}), {.max_frames = 5}),
                    "batches: max_frames = 5, expected a multiple of 2 frames, where semantic tokens begin");
  auto odd = spoken_set({9});
  odd.info.sample_hz = 1048577;
  CHECK_THROWS_WITH(batches(odd, {}), "token_grid: 2097154 frames last as long as 1 semantic tokens, expected at most 1048576 of each");
  CHECK_THROWS_WITH(batches(spoken_set({9}), {.prompt_frames = -2}), "batches: prompt_frames = -2, expected 0 to 1073741824");
  CHECK_THROWS_WITH(batches(set_of({1}), {.batch = 0}), "batches: batch = 0, expected 1 to 1073741824");
  CHECK_THROWS_WITH(batches(set_of({}), {}), "batches: 0 utterances make no batch of 8");
  CHECK_THROWS_WITH(batches(set_of({1, 1}), {.batch = 3, .drop_last = true}), "batches: 2 utterances make no batch of 3");
  CHECK_THROWS_WITH(batches(set_of({1, 1, 1}), {.batch = 2, .size = 2}),
                    "batches: the last batch has 1 examples for 2 ranks; set drop_last");
  CHECK_THROWS_WITH(batches(set_of({1}), {}).at(-1), "batches: batch -1, expected 0 or more");
}
