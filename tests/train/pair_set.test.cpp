#include "spearstorm/train/pair_set.hpp"

#include "io/scratch.hpp"

namespace ss = spearstorm;
using namespace ss::train;
using namespace test_io;
using ss::token::sequence;

namespace {

pair_info const info{.num_semantic_token_ids = 50, .num_text_token_ids = 50, .rows = 5, .made_by = "a"};

/// Row n is n's ids: n semantic ones, one text id.
pair_shard shard_of(ss::index rank, ss::index size, ss::index number, std::vector<ss::index> const& rows) {
  pair_shard shard{.info = info, .rank = rank, .size = size, .number = number, .first = rows.front()};
  for (ss::index row : rows) {
    shard.semantic.add(sequence(static_cast<std::size_t>(row), static_cast<std::int32_t>(row)));
    shard.text.add(sequence{static_cast<std::int32_t>(row) + 10});
  }
  return shard;
}

bool holds(pair_row const& row, ss::index number) {
  return std::ranges::equal(row.semantic, sequence(static_cast<std::size_t>(number), static_cast<std::int32_t>(number))) &&
         std::ranges::equal(row.text, sequence{static_cast<std::int32_t>(number) + 10});
}

}  // namespace

TEST_CASE("train/pair_set: rows of several ranks and shards by their numbers") {
  scratch folder;
  for (auto const& shard : {shard_of(0, 2, 0, {0, 2}), shard_of(0, 2, 1, {4}), shard_of(1, 2, 0, {1, 3})})
    save_pair_shard(folder.folder, shard);
  put(folder / "pairs-00001-rank-1-of-2.safetensors.tmp-1-0", "what a killed run left");
  pair_set const set = load_pairs(folder.folder);
  CHECK(set.info() == info);
  REQUIRE(set.size() == 5);
  for (ss::index row = 0; row < 5; ++row) CHECK(holds(set[row], row));
  CHECK_THROWS_WITH(set[5], "pair_set: row = 5, expected 0 to 4");
}

TEST_CASE("train/pair_set: missing rows, rows given twice and foreign files are errors") {
  scratch folder;
  auto const told = [&](load_pairs_options const& options = {}) {
    std::string const where = "load_pairs: '" + folder.folder.string() + "': ";
    std::string const text = what_of<ss::error>([&] { load_pairs(folder.folder, options); });
    return text.starts_with(where) ? text.substr(where.size()) : text;
  };
  CHECK(told() == "no *.safetensors");
  save_pair_shard(folder.folder, shard_of(0, 2, 0, {0, 2}));
  save_pair_shard(folder.folder, shard_of(1, 2, 1, {3}));
  CHECK(told() == "2 of 5 rows are missing, the first is row 1; expected all of them (option `unfinished` takes what there is)");
  pair_set const part = load_pairs(folder.folder, {.unfinished = true});
  REQUIRE(part.size() == 3);
  CHECK(holds(part[1], 2));
  CHECK(holds(part[2], 3));

  save_pair_shard(folder.folder, shard_of(0, 2, 1, {2, 4}));
  std::string const twice = "row 2 is in pairs-00000-rank-0-of-2.safetensors and in pairs-00001-rank-0-of-2.safetensors, expected it once";
  CHECK(told() == twice);
  CHECK(told({.unfinished = true}) == twice);

  save_pair_shard(folder.folder, shard_of(0, 2, 1, {4}));
  pair_shard other = shard_of(1, 2, 0, {1});
  other.info.made_by = "b";
  save_pair_shard(folder.folder, other);
  CHECK(told() ==
        "pairs-00000-rank-1-of-2.safetensors and pairs-00000-rank-0-of-2.safetensors are of different sets, expected the same "
        "metadata in both");
  put(folder / "z.safetensors", "no tensors");
  CHECK_THAT(told(), contains("safetensors"));
  CHECK(what_of<ss::io_error>([&] { load_pairs(folder / "none"); }) == "load_pairs: '" + (folder / "none").string() + "': no such folder");
}

TEST_CASE("train/pair_set: generated and labelled pairs as one set") {
  scratch folder;
  save_pair_shard(folder.folder, shard_of(0, 1, 0, {0, 1, 2, 3, 4}));
  std::vector<pair_set> const sets{load_pairs(folder.folder),
                                   pair_set_of({.num_semantic_token_ids = 50, .num_text_token_ids = 50}, std::vector<sequence>{{1}, {7, 0}},
                                               std::vector<sequence>{{11}, {}})};
  pair_set const all = concatenated(sets);
  REQUIRE(all.size() == 7);
  CHECK(all.info().rows == 7);
  for (ss::index row = 0; row < 5; ++row) CHECK(holds(all[row], row));
  CHECK(holds(all[5], 1));
  CHECK(std::ranges::equal(all[6].semantic, sequence{7, 0}));  // as long as it was given: no padding, no eos (faults 57 and 58)
  CHECK(all[6].text.empty());

  std::vector<pair_set> const odd{sets[0], pair_set_of({.num_semantic_token_ids = 50, .num_text_token_ids = 40}, {}, {})};
  CHECK_THROWS_WITH(concatenated(odd), "concatenated: set 1 has num_text_token_ids = 40, expected 50 as in set 0");
  CHECK_THROWS_WITH(concatenated({}), "concatenated: 0 sets, expected 1 or more");
  CHECK_THROWS_WITH(
      pair_set_of({.num_semantic_token_ids = 5, .num_text_token_ids = 5}, std::vector<sequence>{{1}}, std::vector<sequence>{{5}}),
      "pair_set_of: text id 0 of row 0 is 5, expected 0 to 4 (eos stands in no row)");
  CHECK_THROWS_WITH(pair_set_of(info, std::vector<sequence>{{1}}, {}), "pair_set_of: text has rows = 0, semantic expects rows = 1");
}
