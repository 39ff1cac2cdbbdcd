#include "spearstorm/train/pair_writer.hpp"

#include "io/scratch.hpp"
#include "spearstorm/train/pair_set.hpp"

namespace ss = spearstorm;
using namespace ss::train;
using namespace test_io;
using ss::token::sequence;

namespace {

pair_info const info{.num_semantic_token_ids = 100, .num_text_token_ids = 100, .rows = 11, .run_lengths = true, .made_by = "a"};

sequence speech_of(ss::index row) { return sequence(static_cast<std::size_t>(row % 4), static_cast<std::int32_t>(row)); }
sequence text_of(ss::index row) { return {static_cast<std::int32_t>(2 * row)}; }

/// Writes what is left, up to `most` rows.
void go_on(std::filesystem::path const& folder, pair_writer_options const& options, ss::index most = 1 << 20) {
  pair_writer writer(folder, info, options);
  for (; !writer.complete() && most > 0; --most) {
    ss::index const row = writer.next_row();
    writer.add(speech_of(row), text_of(row), sequence(speech_of(row).size(), 1 + static_cast<std::int32_t>(row)));
  }
}

}  // namespace

TEST_CASE("train/pair_writer: ranks write their own rows, and a run goes on behind whole shards") {
  scratch folder;
  go_on(folder.folder, {.shard_rows = 2, .rank = 1, .size = 3}, 3);  // rows 1 4 | 7, and 7 is lost with its shard
  CHECK(folder.count() == 1);
  {
    pair_writer const writer(folder.folder, info, {.shard_rows = 2, .rank = 1, .size = 3});
    CHECK(writer.next_row() == 7);
    CHECK(writer.done() == 2);
    CHECK(writer.rows() == 4);
    CHECK(writer.room() == 2);
  }
  put(folder / "pairs-00001-rank-1-of-3.safetensors.tmp-1-0", "what the killed run left");
  put(folder / "pairs-00001-rank-2-of-3.safetensors.tmp-1-0", "what another rank is writing");
  go_on(folder.folder, {.shard_rows = 2, .rank = 1, .size = 3});
  CHECK(std::filesystem::exists(folder / "pairs-00001-rank-2-of-3.safetensors.tmp-1-0"));
  CHECK(folder.count() == 3);
  go_on(folder.folder, {.shard_rows = 5, .rank = 0, .size = 3});
  go_on(folder.folder, {.shard_rows = 1, .rank = 2, .size = 3});
  pair_set const set = load_pairs(folder.folder);
  REQUIRE(set.size() == 11);
  for (ss::index row = 0; row < 11; ++row) {
    CHECK(std::ranges::equal(set[row].semantic, speech_of(row)));
    CHECK(std::ranges::equal(set[row].text, text_of(row)));
    CHECK(std::ranges::equal(set[row].run_lengths, sequence(speech_of(row).size(), 1 + static_cast<std::int32_t>(row))));
  }
}

TEST_CASE("train/pair_writer: the same files in one go or after any number of kills") {
  scratch whole, torn;
  go_on(whole.folder, {.shard_rows = 4});
  for (ss::index most = 3; !pair_writer(torn.folder, info, {.shard_rows = 4}).complete(); ++most)
    go_on(torn.folder, {.shard_rows = 4}, most);
  CHECK(whole.count() == 3);
  for (auto const& entry : std::filesystem::directory_iterator(whole.folder))
    CHECK(content(entry.path()) == content(torn / entry.path().filename().string()));
}

TEST_CASE("train/pair_writer: more ranks than rows, and a complete set, have nothing to do") {
  scratch folder;
  pair_writer idle(folder.folder, info, {.rank = 12, .size = 20});
  CHECK(idle.complete());
  CHECK(idle.rows() == 0);
  CHECK(idle.room() == 0);
  CHECK_THROWS_WITH(idle.add({}, {}), "pair_writer: row 12 of a set of 11");
}

TEST_CASE("train/pair_writer: another set in the folder, or rows that do not belong, are refused") {
  scratch folder;
  go_on(folder.folder, {.shard_rows = 2, .size = 2}, 2);
  auto const path = folder / "pairs-00000-rank-0-of-2.safetensors";
  auto const told = [&](pair_info const& other, pair_writer_options const& options) {
    return what_of<ss::error>([&] { pair_writer(folder.folder, other, options); });
  };
  CHECK(told(info, {.rank = 0, .size = 3}) == "pair_writer: '" + path.string() + "' was written by another number of ranks, expected 3");
  pair_info other = info;
  other.made_by = "b";
  CHECK(told(other, {.size = 2}) ==
        "pair_writer: '" + path.string() + "' belongs to another set, expected the same metadata as this run's");
  CHECK(told(info, {.rank = 2, .size = 2}) == "pair_writer: rank = 2, expected 0 to 1");
  CHECK(told(info, {.shard_rows = 0}) == "pair_writer: shard_rows = 0, expected 1 to 2147483647");

  std::filesystem::copy(path, folder / "pairs-00001-rank-0-of-2.safetensors");
  CHECK_THAT(told(info, {.size = 2}), contains("belongs to another set"));
  pair_shard gap = load_pair_shard(path);
  gap.number = 1;
  gap.first = 6;
  save_pair_shard(folder.folder, gap);
  CHECK_THAT(told(info, {.size = 2}), contains("begins with row 6, expected row 4"));

  pair_writer writer(folder.folder, info, {.rank = 1, .size = 2});
  CHECK_THROWS_WITH(writer.add(sequence{1, 2}, sequence{100}, sequence{1, 1}),
                    "pair_writer: text id 0 of row 1 is 100, expected 0 to 99 (eos stands in no row)");
  CHECK_THROWS_WITH(writer.add(sequence{1, 2}, sequence{}), "pair_writer: row 1 has 0 run lengths for 2 semantic ids, expected as many");
  CHECK(writer.done() == 0);
}
