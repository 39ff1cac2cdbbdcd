#include "spearstorm/train/pair_file.hpp"

#include "io/scratch.hpp"

namespace ss = spearstorm;
using namespace ss::train;
using namespace test_io;

namespace {

/// Rows 1, 3, 5 of 7: what the second of two ranks writes.
pair_shard small_shard() {
  pair_shard shard{.info = {.num_semantic_token_ids = 9, .num_text_token_ids = 4, .rows = 7, .run_lengths = true, .made_by = "test"},
                   .rank = 1,
                   .size = 2,
                   .number = 0,
                   .first = 1};
  shard.semantic = {{8, 0, 8, 5}, {0, 3, 3, 4}};
  shard.text = {{3, 0, 1}, {0, 2, 3, 3}};
  shard.run_lengths = {2, 1, 7, 1};
  return shard;
}

}  // namespace

TEST_CASE("train/pair_file: what is saved is loaded, and other programs can read it") {
  scratch folder;
  save_pair_shard(folder.folder, small_shard());
  auto const path = folder / "pairs-00000-rank-1-of-2.safetensors";
  pair_shard const shard = load_pair_shard(path);
  CHECK(shard == small_shard());
  CHECK(shard.row_number(2) == 5);
  CHECK(std::ranges::equal(shard.row(0).semantic, std::vector{8, 0, 8}));
  CHECK(std::ranges::equal(shard.row(0).run_lengths, std::vector{2, 1, 7}));
  CHECK(std::ranges::equal(shard.row(0).text, std::vector{3, 0}));
  CHECK(shard.row(1).semantic.empty());
  CHECK(std::ranges::equal(shard.row(1).text, std::vector{1}));
  CHECK(std::ranges::equal(shard.row(2).run_lengths, std::vector{1}));
  CHECK(shard.row(2).text.empty());
  ss::io::safetensors_file const file(path);
  CHECK(file.info("semantic").dtype == "I32");
  CHECK(file.info("text_begin").shape == std::vector<ss::index>{4});
  CHECK(file.metadata().at("first_row") == "1");
  CHECK(file.metadata().at("rows_of_set") == "7");
}

TEST_CASE("train/pair_file: the header, letter by letter, as tests/tools/test_pairs.py has it too") {
  scratch folder;
  pair_shard shard{.info = {.num_semantic_token_ids = 9, .num_text_token_ids = 4, .rows = 2, .made_by = "t\xc3\xabst"}};
  shard.semantic = {{8, 0, 8}, {0, 3, 3}};
  shard.text = {{3, 0, 1}, {0, 2, 3}};
  save_pair_shard(folder.folder, shard);
  CHECK_THAT(
      content(folder / "pairs-00000-rank-0-of-1.safetensors").substr(8),
      contains(
          "{\"__metadata__\":{\"first_row\":\"0\",\"format\":\"spearstorm.pairs\",\"format_version\":\"1\",\"made_by\":\"t\xc3\xabst\","
          "\"num_semantic_token_ids\":\"9\",\"num_text_token_ids\":\"4\",\"rank\":\"0\",\"rows\":\"2\",\"rows_of_set\":\"2\","
          "\"run_lengths\":\"0\",\"shard\":\"0\",\"size\":\"1\"},"
          "\"semantic\":{\"dtype\":\"I32\",\"shape\":[3],\"data_offsets\":[0,12]},"
          "\"semantic_begin\":{\"dtype\":\"I32\",\"shape\":[3],\"data_offsets\":[12,24]},"
          "\"text\":{\"dtype\":\"I32\",\"shape\":[3],\"data_offsets\":[24,36]},"
          "\"text_begin\":{\"dtype\":\"I32\",\"shape\":[3],\"data_offsets\":[36,48]}}"));
}

TEST_CASE("train/pair_file: run lengths are optional") {
  scratch folder;
  pair_shard shard = small_shard();
  shard.info.run_lengths = false;
  shard.run_lengths.clear();
  save_pair_shard(folder.folder, shard);
  auto const path = folder / pair_shard_name(0, 1, 2);
  CHECK(load_pair_shard(path) == shard);
  CHECK(shard.row(0).run_lengths.empty());
  CHECK_FALSE(ss::io::safetensors_file(path).contains("run_lengths"));
  CHECK(pair_shard_name(123456, 0, 1) == "pairs-123456-rank-0-of-1.safetensors");
}

TEST_CASE("train/pair_file: a shard that contradicts itself is not written") {
  scratch folder;
  auto const refused = [&](auto&& edit) {
    pair_shard shard = small_shard();
    edit(shard);
    return what_of<ss::value_error>([&] { save_pair_shard(folder.folder, shard); });
  };
  CHECK(refused([](pair_shard& s) { s.semantic.ids[3] = 9; }) ==
        "save_pair_shard: semantic id 0 of row 5 is 9, expected 0 to 8 (eos stands in no row)");
  CHECK(refused([](pair_shard& s) { s.text.ids[2] = -1; }) ==
        "save_pair_shard: text id 0 of row 3 is -1, expected 0 to 3 (eos stands in no row)");
  CHECK(refused([](pair_shard& s) { s.text.begin.pop_back(); }) == "save_pair_shard: 2 rows of text, expected 3");
  CHECK(refused([](pair_shard& s) { s.run_lengths[2] = 0; }) == "save_pair_shard: a run length of row 1 is 0, expected 1 or more");
  CHECK(refused([](pair_shard& s) { s.run_lengths.pop_back(); }) == "save_pair_shard: 3 run lengths for 4 semantic ids, expected as many");
  CHECK(refused([](pair_shard& s) { s.info.run_lengths = false; }) == "save_pair_shard: 4 run lengths for 4 semantic ids, expected none");
  CHECK(refused([](pair_shard& s) { s.first = 3; }) == "save_pair_shard: rows 3 to 7 in steps of 2, expected rows of rank 1 below 7");
  CHECK(refused([](pair_shard& s) { s.first = 2; }) == "save_pair_shard: rows 2 to 6 in steps of 2, expected rows of rank 1 below 7");
  CHECK(refused([](pair_shard& s) { s.rank = 2; }) == "save_pair_shard: rank = 2, expected 0 to 1");
  CHECK(refused([](pair_shard& s) { s.info.num_text_token_ids = 0; }) ==
        "save_pair_shard: num_text_token_ids = 0, expected 1 to 2147483647");
  CHECK(refused([](pair_shard& s) {
          s.semantic = s.text = {};
          s.run_lengths.clear();
        }) == "save_pair_shard: the shard holds no row");
  CHECK(folder.count() == 0);
}

TEST_CASE("train/pair_file: files that are no pair files are named with what is wrong") {
  scratch folder;
  auto const told = [&](auto&& edit) {
    save_pair_shard(folder.folder, small_shard());
    auto const path = folder / pair_shard_name(0, 1, 2);
    ss::io::safetensors_file const file(path);
    auto metadata = file.metadata();
    std::map<std::string, std::vector<std::int32_t>> tensors;
    for (auto const& info : file.infos()) {
      tensors[info.name].resize(static_cast<std::size_t>(info.shape[0]));
      file.read<std::int32_t>(info.name, tensors[info.name]);
    }
    edit(metadata, tensors);
    ss::io::safetensors_writer writer(path);
    for (auto const& [key, value] : metadata) writer.metadata(key, value);
    for (auto const& [name, values] : tensors) writer.add(name, {static_cast<ss::index>(values.size())}, values);
    writer.commit();
    std::string const where = "load_pair_shard: '" + path.string() + "': ";
    std::string const text = what_of<ss::format_error>([&] { load_pair_shard(path); });
    return text.starts_with(where) ? text.substr(where.size()) : text;
  };
  CHECK(told([](auto&, auto&) {}) == "");
  CHECK(told([](auto& m, auto&) { m["format"] = "spearstorm.tokens"; }) == "format is 'spearstorm.tokens', expected 'spearstorm.pairs'");
  CHECK(told([](auto& m, auto&) { m["format_version"] = "2"; }) == "format_version is 2, this library reads 1");
  CHECK(told([](auto& m, auto&) { m.erase("first_row"); }) == "metadata lacks 'first_row'");
  CHECK(told([](auto& m, auto&) { m["rows"] = "4"; }) == "metadata 'rows' is 4, the tensors hold 3");
  CHECK(told([](auto& m, auto&) { m["rows_of_set"] = "5"; }) == "rows 1 to 5 in steps of 2, expected rows of rank 1 below 5");
  CHECK(told([](auto& m, auto&) { m["num_semantic_token_ids"] = "8"; }) ==
        "semantic id 0 of row 1 is 8, expected 0 to 7 (eos stands in no row)");
  CHECK(told([](auto&, auto& t) { t["semantic_begin"][1] = 5; }) == "tensor 'semantic_begin' does not go from 0 up to 4");
  CHECK(told([](auto&, auto& t) { t["text_begin"][0] = 1; }) == "tensor 'text_begin' does not go from 0 up to 3");
  CHECK(told([](auto&, auto& t) { t["text"].pop_back(); }) == "tensor 'text_begin' does not go from 0 up to 2");
  CHECK(told([](auto&, auto& t) { t["text_begin"].clear(); }) == "tensor 'text_begin' does not go from 0 up to 3");
  CHECK_THAT(told([](auto&, auto& t) { t.erase("run_lengths"); }), contains("has no tensor 'run_lengths'"));
}
