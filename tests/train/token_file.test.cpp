#include "spearstorm/train/token_file.hpp"

#include "io/scratch.hpp"

namespace ss = spearstorm;
using namespace ss::train;
using namespace test_io;

namespace {

token_set small_set() {
  return {{.codec = "log_mel", .sample_hz = 16000, .downsample_factor = 320, .num_quantizers = 2, .codebook_size = 8},
          {{"one", utterance_codes({3, 2}, {0, 1, 2, 3, 4, 5})}, {"two", utterance_codes({1, 2}, {7, 7})}}};
}

/// The same with semantic tokens at half the rate, and a speaker.
token_set semantic_set() {
  token_set set = small_set();
  set.info.semantic = {.sample_hz = 16000, .downsample_factor = 640, .num_semantic_token_ids = 5};
  set.utterances[0].semantic = {4, 0};
  set.utterances[0].speaker = "anna";
  set.utterances[1].semantic = {3};
  return set;
}

}  // namespace

TEST_CASE("train/token_file: what is saved is loaded, and other programs can read it") {
  scratch folder;
  save_token_file(folder / "a.safetensors", small_set());
  CHECK(load_token_file(folder / "a.safetensors") == small_set());
  ss::io::safetensors_file const file(folder / "a.safetensors");
  CHECK(file.info("codes/one").dtype == "I32");
  CHECK(file.info("codes/one").shape == std::vector<ss::index>{3, 2});
  CHECK(file.metadata().at("format_version") == "2");
  CHECK(file.metadata().at("codebook_size") == "8");
  CHECK(file.metadata().at("num_semantic_token_ids") == "0");
}

TEST_CASE("train/token_file: semantic tokens and speakers lie beside the codes") {
  scratch folder;
  save_token_file(folder / "a.safetensors", semantic_set());
  CHECK(load_token_file(folder / "a.safetensors") == semantic_set());
  ss::io::safetensors_file const file(folder / "a.safetensors");
  CHECK(file.info("semantic/one").shape == std::vector<ss::index>{2});
  CHECK(file.metadata().at("speakers") == R"({"one":"anna"})");

  auto const refused = [&](auto&& edit) {
    token_set set = semantic_set();
    edit(set);
    return what_of<ss::value_error>([&] { save_token_file(folder / "x", set); });
  };
  CHECK(refused([](token_set& s) { s.utterances[1].semantic[0] = 5; }) ==
        "save_token_file: utterance 'two', semantic token 0 is 5, expected 0 to 4");
  CHECK(refused([](token_set& s) { s.utterances[1].semantic.clear(); }) ==
        "save_token_file: utterance 'two' has 0 semantic tokens, num_semantic_token_ids = 5, expected tokens in all utterances or in none");
  CHECK(refused([](token_set& s) { s.info.semantic = {}; }) ==
        "save_token_file: utterance 'one' has 2 semantic tokens, num_semantic_token_ids = 0, expected tokens in all utterances or in none");
  CHECK(refused([](token_set& s) { s.info.semantic.sample_hz = 0; }) ==
        "save_token_file: semantic_sample_hz = 0, expected 1 to 2147483646");
}

TEST_CASE("train/token_file: a folder is all its files in the order of their names") {
  scratch folder;
  token_set other = small_set();
  other.utterances.resize(1);
  other.utterances[0].name = "zero";
  save_token_file(folder / "b.safetensors", small_set());
  save_token_file(folder / "a.safetensors", other);
  put(folder / "notes.txt", "not tokens");
  auto const all = load_tokens(folder.folder);
  REQUIRE(all.utterances.size() == 3);
  CHECK(all.utterances[0].name == "zero");
  CHECK(all.utterances[2].name == "two");
  other.info.sample_hz = 24000;
  save_token_file(folder / "c.safetensors", other);
  CHECK_THAT(what_of<ss::format_error>([&] { load_tokens(folder.folder); }), contains("are of different codecs"));
  scratch empty;
  CHECK_THAT(what_of<ss::format_error>([&] { load_tokens(empty.folder); }), contains("holds no *.safetensors"));
}

TEST_CASE("train/token_file: what contradicts itself is refused by name") {
  scratch folder;
  auto const refused = [&](auto&& edit) {
    token_set set = small_set();
    edit(set);
    return what_of<ss::value_error>([&] { save_token_file(folder / "x", set); });
  };
  CHECK(refused([](token_set& s) { s.utterances[0].codes(1, 1) = 8; }) ==
        "save_token_file: utterance 'one', frame 1, level 1 holds 8, expected 0 to 7");
  CHECK(refused([](token_set& s) { s.utterances[0].codes(2, 0) = -1; }) ==
        "save_token_file: utterance 'one', frame 2, level 0 holds -1, expected 0 to 7");
  CHECK(refused([](token_set& s) { s.utterances[1].codes = utterance_codes({2, 1}); }) ==
        "save_token_file: utterance 'two' is of shape (2, 1), expected (1 or more, 2)");
  CHECK(refused([](token_set& s) { s.info.sample_hz = 0; }) == "save_token_file: sample_hz = 0, expected 1 to 2147483646");
  CHECK_THAT(refused([](token_set& s) { s.utterances[1].name = "one"; }), contains("one' is given twice"));
  CHECK(folder.count() == 0);
}

TEST_CASE("train/token_file: files of another kind or version are refused") {
  scratch folder;
  std::vector<std::int32_t> const ids{0, 1, 9, 3};
  auto const write = [&](std::string const& version, std::string const& codebook, std::vector<ss::index> shape) {
    ss::io::safetensors_writer writer(folder / "x");
    writer.metadata("format", "spearstorm.tokens").metadata("format_version", version).metadata("codec", "c").metadata("sample_hz", "1");
    writer.metadata("downsample_factor", "1").metadata("num_quantizers", "2").metadata("codebook_size", codebook);
    writer.add("u", std::move(shape), ids).commit();
    return what_of<ss::format_error>([&] { load_token_file(folder / "x"); });
  };
  CHECK(write("1", "10", {2, 2}).empty());
  CHECK(load_token_file(folder / "x").utterances ==
        std::vector<utterance>{{"u", utterance_codes({2, 2}, {0, 1, 9, 3})}});  // the first version is read
  CHECK_THAT(write("3", "10", {2, 2}), contains("format_version is 3, this library reads 2"));
  CHECK_THAT(write("2", "10", {2, 2}), contains("metadata lacks 'semantic_sample_hz'"));
  CHECK_THAT(write("1", "ten", {2, 2}), contains("metadata 'codebook_size' is 'ten'"));
  CHECK_THAT(write("1", "9", {2, 2}), contains("utterance 'u', frame 1, level 0 holds 9, expected 0 to 8"));
  CHECK_THAT(write("1", "10", {1, 4}), contains("utterance 'u' is of shape (1, 4)"));
  CHECK_THAT(write("1", "10", {4}), contains("utterance 'u' has 1 axes"));
  ss::io::safetensors_writer(folder / "y").add("u", {2, 2}, ids).commit();
  CHECK_THAT(what_of<ss::format_error>([&] { load_token_file(folder / "y"); }), contains("format is '', expected 'spearstorm.tokens'"));
}

TEST_CASE("train/token_file: a second version that contradicts itself is refused") {
  scratch folder;
  std::vector<std::int32_t> const ids{0, 1, 2, 3};
  auto const write = [&](std::string const& speakers, std::string const& name, std::vector<ss::index> shape) {
    ss::io::safetensors_writer writer(folder / "x");
    writer.metadata("format", "spearstorm.tokens").metadata("format_version", "2").metadata("codec", "c").metadata("sample_hz", "1");
    writer.metadata("downsample_factor", "1").metadata("num_quantizers", "2").metadata("codebook_size", "4");
    writer.metadata("semantic_sample_hz", "1").metadata("semantic_downsample_factor", "1").metadata("num_semantic_token_ids", "4");
    writer.metadata("speakers", speakers).add("codes/u", {2, 2}, ids).add(name, std::move(shape), ids).commit();
    return what_of<ss::format_error>([&] { load_token_file(folder / "x"); });
  };
  CHECK(write(R"({"u":"anna"})", "semantic/u", {4}).empty());
  CHECK(load_token_file(folder / "x").utterances[0].speaker == "anna");
  CHECK_THAT(write("{}", "semantic/v", {4}), contains("utterance 'v' has semantic tokens but no codes"));
  CHECK_THAT(write("{}", "semantic/u", {2, 2}), contains("semantic tokens of utterance 'u' has 2 axes, expected (tokens)"));
  CHECK_THAT(write("{}", "u", {2, 2}), contains("tensor 'u' is neither codes/... nor semantic/..."));
  CHECK_THAT(write("{}", "codes/v", {2, 2}), contains("utterance 'u' has 0 semantic tokens, num_semantic_token_ids = 4"));
  CHECK_THAT(write("[]", "semantic/u", {4}), contains("speakers is array, expected an object"));
  CHECK_THAT(write(R"({"v":"anna"})", "semantic/u", {4}), contains("speakers names an utterance that is not there"));
  CHECK_THAT(write(R"({"u":3})", "semantic/u", {4}), contains("the speaker of utterance 'u' is 3, expected text"));
  CHECK_THAT(write("{", "semantic/u", {4}), contains("bad JSON"));
}
