#include "spearstorm/train/pair_generator.hpp"

#include "io/scratch.hpp"
#include "spearstorm/train/pair_set.hpp"

namespace ss = spearstorm;
using namespace ss::train;
using namespace test_io;
using ss::token::id_array;
using ss::token::sequence;

namespace {

constexpr std::int32_t eos = 10;
pair_info const info{.num_semantic_token_ids = 5, .num_text_token_ids = eos, .made_by = "double"};

rows_in_memory speech_of(ss::index count) {
  rows_in_memory rows;
  for (ss::index n = 0; n < count; ++n)
    rows.sources.push_back({static_cast<std::int32_t>(n % 5), static_cast<std::int32_t>(n % 5), static_cast<std::int32_t>(n % 3)});
  return rows;
}

/// Stands for a model: twice each id, then eos, and junk behind it as spear-tts-pytorch's rows have at max_length.
id_array label(id_array const& ids) {
  id_array text({ids.extent(0), ids.extent(1) + 2}, -1);
  for (ss::index b = 0; b < ids.extent(0); ++b) {
    sequence words = ss::token::row_of(ids, b);
    for (auto& id : words) id *= 2;
    words.insert(words.end(), {eos, 1});
    std::ranges::copy(words, text.begin() + b * text.extent(1));
  }
  return text;
}

sequence doubled(std::span<std::int32_t const> ids) {
  sequence words(ids.begin(), ids.end());
  for (auto& id : words) id *= 2;
  return words;
}

}  // namespace

TEST_CASE("train/pair_generator: every row of speech gets its label, ended before eos (fault 58)") {
  scratch folder;
  rows_in_memory const speech = speech_of(11);
  std::vector<ss::index> sizes, told;
  semantic_to_text_dataset(folder.folder, info, speech,
                           [&](id_array const& ids) {
                             sizes.push_back(ids.extent(0));
                             return label(ids);
                           },
                           {.text_eos = eos, .shards = {.shard_rows = 6}, .progress = [&](ss::index done, ss::index rows) {
                              told.insert(told.end(), {done, rows});
                            }});
  CHECK(sizes == std::vector<ss::index>{4, 2, 4, 1});  // a batch ends with its shard
  CHECK(told == std::vector<ss::index>{4, 11, 6, 11, 10, 11, 11, 11});
  pair_set const set = load_pairs(folder.folder);
  REQUIRE(set.size() == 11);
  for (ss::index row = 0; row < 11; ++row) {
    CHECK(std::ranges::equal(set[row].semantic, speech.source(row)));
    CHECK(std::ranges::equal(set[row].text, doubled(speech.source(row))));
  }
  semantic_to_text_dataset(folder.folder, info, speech, [&](id_array const&) -> id_array { throw std::logic_error("nothing is left"); },
                           {.text_eos = eos});
}

TEST_CASE("train/pair_generator: repeats are taken out and counted") {
  scratch folder;
  rows_in_memory const speech = speech_of(7);
  semantic_to_text_dataset(folder.folder, info, speech, label, {.text_eos = eos, .unique_consecutive = true});
  pair_set const set = load_pairs(folder.folder);
  for (ss::index row = 0; row < 7; ++row) {
    auto const runs = ss::token::unique_consecutive(speech.source(row));
    CHECK(std::ranges::equal(set[row].semantic, runs.ids));
    CHECK(std::ranges::equal(set[row].run_lengths, runs.lengths));
    CHECK(std::ranges::equal(set[row].text, doubled(runs.ids)));
  }
}

TEST_CASE("train/pair_generator: killed at any call and started again, it writes the same files") {
  struct killed {};
  rows_in_memory const speech = speech_of(13);
  pair_generator_options const options{.batch_size = 2, .text_eos = eos, .shards = {.shard_rows = 5}};
  scratch whole;
  semantic_to_text_dataset(whole.folder, info, speech, label, options);
  REQUIRE(whole.count() == 3);
  for (int at = 0; at < 8; ++at) {
    scratch torn;
    int calls = 0;
    auto const dying = [&](id_array const& ids) {
      if (calls++ == at) throw killed{};
      return label(ids);
    };
    CHECK_THROWS_AS(semantic_to_text_dataset(torn.folder, info, speech, dying, options), killed);
    CHECK(torn.count() == at / 3);  // three calls a shard: only the open one is lost
    semantic_to_text_dataset(torn.folder, info, speech, label, options);
    CHECK(torn.count() == 3);
    for (auto const& entry : std::filesystem::directory_iterator(whole.folder))
      CHECK(content(entry.path()) == content(torn / entry.path().filename().string()));
  }
}

TEST_CASE("train/pair_generator: ranks label their own rows, and a labeller may ask for their numbers") {
  scratch folder;
  rows_in_memory const speech = speech_of(9);
  for (ss::index rank = 0; rank < 2; ++rank)
    semantic_to_text_dataset(folder.folder, info, speech,
                             [&](id_array const& ids, std::span<ss::index const> rows) {
                               REQUIRE(static_cast<ss::index>(rows.size()) == ids.extent(0));
                               id_array text({ids.extent(0), 1});
                               for (std::size_t i = 0; i < rows.size(); ++i) {
                                 CHECK(rows[i] % 2 == rank);
                                 text.data()[i] = static_cast<std::int32_t>(rows[i]);
                               }
                               return text;
                             },
                             {.batch_size = 3, .shards = {.rank = rank, .size = 2}});
  pair_set const set = load_pairs(folder.folder);
  REQUIRE(set.size() == 9);
  for (ss::index row = 0; row < 9; ++row) {
    CHECK(std::ranges::equal(set[row].semantic, speech.source(row)));
    CHECK(std::ranges::equal(set[row].text, sequence{static_cast<std::int32_t>(row)}));
  }
}

TEST_CASE("train/pair_generator: labels that do not fit are refused, and nothing is written") {
  scratch folder;
  rows_in_memory const speech = speech_of(3);
  auto const run = [&](auto&& labels, pair_generator_options const& options = {}) {
    semantic_to_text_dataset(folder.folder, info, speech, labels, options);
  };
  CHECK_THROWS_WITH(run(label), "pair_writer: text id 3 of row 0 is 10, expected 0 to 9 (eos stands in no row)");
  CHECK_THROWS_WITH(run([](id_array const&) { return id_array({2, 1}); }),
                    "semantic_to_text_dataset: label has batch = 2, speech expects batch = 3");
  CHECK_THROWS_WITH(run([](id_array const&) { return id_array({3, 2}, {-1, 1, 0, 0, 0, 0}); }),
                    "row_of: frame 1 of row 0 holds 1, expected padding from frame 0 on");
  CHECK_THROWS_WITH(run(label, {.batch_size = 0}), "semantic_to_text_dataset: batch_size = 0, expected 1 to 1073741824");
  CHECK(folder.count() == 0);
}
