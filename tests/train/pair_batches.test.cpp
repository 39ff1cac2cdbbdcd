#include "spearstorm/train/pair_batches.hpp"

#include <set>

#include "catch.hpp"
#include "spearstorm/train/batches.hpp"

namespace ss = spearstorm;
using namespace ss::train;
using ss::token::id_array;
using ss::token::sequence;

namespace {

/// Row n has n % 7 source ids and (3 n) % 5 target ids, all n.
rows_in_memory rows_of(ss::index count) {
  rows_in_memory rows;
  for (ss::index n = 0; n < count; ++n) {
    rows.sources.emplace_back(n % 7, static_cast<std::int32_t>(n));
    rows.targets.emplace_back(3 * n % 5, static_cast<std::int32_t>(n));
  }
  return rows;
}

pair_set small_set() {
  return pair_set_of({.num_semantic_token_ids = 9, .num_text_token_ids = 4}, std::vector<sequence>{{8, 0}, {5}},
                     std::vector<sequence>{{3}, {0, 1, 2}});
}

}  // namespace

TEST_CASE("train/pair_batches: pairs as arrays with lengths that can be told, by hand (faults 57 and 58)") {
  pair_batch_options const options{.batch = 2, .shuffle = false, .window = 1};
  id_array const speech({2, 2}, {8, 0, 5, -1}), text({2, 3}, {3, -1, -1, 0, 1, 2});
  numbered_pair_batch const made = pair_batches(text_to_speech_rows{small_set()}, options).at(0);
  CHECK(made.batch == ss::token::pair_batch{text, speech});
  CHECK(made.tokens == 7);
  CHECK(made.rows == std::vector<ss::index>{0, 1});
  CHECK(pair_batches(speech_to_text_rows{small_set()}, options).at(0).batch == ss::token::pair_batch{speech, text});
  CHECK(pair_batches(speech_rows{small_set()}, options).at(0).batch == ss::token::pair_batch{speech, id_array({2, 0})});
  CHECK(pair_batches(rows_in_memory{{{8, 0}, {5}}}, options).at(0).batch == ss::token::pair_batch{speech, id_array({2, 0})});
  static_assert(batch_source<pair_batches<text_to_speech_rows>>);
}

TEST_CASE("train/pair_batches: an epoch holds each row once; batch k is the same whenever it is asked for") {
  pair_batches const source(rows_of(50), {.batch = 8, .seed = 3, .window = 2});
  CHECK(source.per_epoch() == 7);
  std::multiset<ss::index> seen;
  ss::index tokens = 0;
  for (auto const& made : source) {
    CHECK(made.first_example == made.number * 8);
    tokens += made.tokens;
    for (std::size_t i = 0; i < made.rows.size(); ++i) {
      ss::index const row = made.rows[i];
      seen.insert(row);
      CHECK(ss::token::row_of(made.batch.source, static_cast<ss::index>(i)) == source.rows().sources[static_cast<std::size_t>(row)]);
      CHECK(ss::token::row_of(made.batch.target, static_cast<ss::index>(i)) == source.rows().targets[static_cast<std::size_t>(row)]);
    }
  }
  CHECK(seen.size() == 50);
  CHECK(std::set(seen.begin(), seen.end()).size() == 50);
  ss::index expected = 0;
  for (ss::index n = 0; n < 50; ++n) expected += n % 7 + 3 * n % 5;
  CHECK(tokens == expected);

  pair_batches const resumed(rows_of(50), source.options());
  for (ss::index k : {9, 2, 20, 9}) {  // in any order: over epochs there and back
    CHECK(resumed.at(k).batch == source.at(k).batch);
    CHECK(resumed.at(k).epoch == k / 7);
  }
  CHECK(source.at(0).rows != source.at(7).rows);
  pair_batches const other(rows_of(50), {.batch = 8, .seed = 4, .window = 2});
  CHECK(other.at(0).rows != source.at(0).rows);
}

TEST_CASE("train/pair_batches: ranks take parts of the same batches") {
  pair_batches const whole(rows_of(21), {.batch = 6});
  for (ss::index k = 0; k < 8; ++k) {
    std::vector<ss::index> rows;
    for (ss::index rank = 0; rank < 3; ++rank) {
      auto const part = pair_batches(rows_of(21), {.batch = 6, .rank = rank, .size = 3}).at(k);
      CHECK(part.first_example == whole.at(k).first_example + static_cast<ss::index>(rows.size()));
      rows.insert(rows.end(), part.rows.begin(), part.rows.end());
    }
    CHECK(rows == whole.at(k).rows);
  }
}

TEST_CASE("train/pair_batches: rows of similar length meet, and rows that are too long are left out") {
  auto const padding = [](ss::index window) {
    ss::index padded = 0;
    pair_batches const source(rows_of(60), {.batch = 4, .window = window});
    for (auto const& made : source) padded += made.batch.source.size() + made.batch.target.size() - made.tokens;
    return padded;
  };
  CHECK(padding(15) < padding(1) / 2);

  pair_batches const few(rows_of(35), {.batch = 5, .max_source = 3, .max_target = 2});
  CHECK(few.left_out() == 23);  // 4 of 7 lengths and 3 of 5 are allowed
  for (auto const& made : few) CHECK((made.batch.source.extent(1) <= 3 && made.batch.target.extent(1) <= 2));
}

TEST_CASE("train/pair_batches: wrong options are named") {
  auto const refused = [](pair_batch_options const& options) { pair_batches(rows_of(10), options); };
  CHECK_THROWS_WITH(refused({.batch = 0}), "pair_batches: batch = 0, expected 1 to 1073741824");
  CHECK_THROWS_WITH(refused({.batch = 2, .size = 3}), "pair_batches: size = 3, expected 1 to 2");
  CHECK_THROWS_WITH(refused({.batch = 2, .rank = 2, .size = 2}), "pair_batches: rank = 2, expected 0 to 1");
  CHECK_THROWS_WITH(refused({.batch = 11, .drop_last = true}), "pair_batches: 10 rows make no batch of 11");
  CHECK_THROWS_WITH(refused({.batch = 9, .size = 2}), "pair_batches: the last batch has 1 rows for 2 ranks; set drop_last");
  CHECK_THROWS_WITH(pair_batches(rows_of(10)).at(-1), "pair_batches: batch -1, expected 0 or more");
}
