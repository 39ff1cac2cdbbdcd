#if defined(SPEARSTORM_HAVE_UTF8PROC)
#include "spearstorm/text/clip_tokenizer.hpp"

#include <stdlib.h>

#include "io/scratch.hpp"

namespace ss = spearstorm;
using ss::text::clip_tokenizer;
using ids = std::vector<std::int32_t>;
using test_io::what_of;

namespace {

/// Ids 512: ab, 513: abc at a word's end, 514: start, 515: end.
std::string const toy = "version\na b\nab c</w>\n";
clip_tokenizer made() { return clip_tokenizer(ss::text::byte_pairs(toy, 2, "toy")); }

/// Sets the variable, or removes it, as long as it lives.
struct environment {
  static constexpr char const* name = "SPEARSTORM_CLIP_VOCABULARY";
  std::string before;
  bool was = false;
  explicit environment(char const* value) {
    if (char const* const now = getenv(name)) was = true, before = now;
    value ? setenv(name, value, 1) : unsetenv(name);
  }
  ~environment() { was ? setenv(name, before.c_str(), 1) : unsetenv(name); }
};

}  // namespace

TEST_CASE("text/clip_tokenizer: a toy vocabulary by hand") {
  static_assert(ss::text::tokenizer<clip_tokenizer>);
  clip_tokenizer const clip = made();
  CHECK(clip.size() == 516);
  CHECK(clip.encode("ABC  ab!") == ids{513, 'a' - '!', 256 + 'b' - '!', 256});
  CHECK(clip.encode("<|startoftext|>abc<|EndOfText|>") == ids{514, 513, 515});
  CHECK(clip.encode(" \n").empty());
  CHECK(clip.encode("abc abc") == ids{513, 513});
  std::string const word(100, 'c');  // longer than what is remembered
  CHECK(clip.encode(word).size() == 100);
  CHECK(clip.encode(word) == clip.encode(word));
}

TEST_CASE("text/clip_tokenizer: decode leaves out start and end, and neither 40407 nor 0") {
  clip_tokenizer const clip = made();
  CHECK(clip.decode(clip.encode("ABC ab \u00e9!;")) == "abc ab \u00e9 !; ");
  CHECK(clip.encode("!;")[0] == 0);
  CHECK(clip.decode(ids{clip.start_id(), 0, 513, clip.end_id(), -1}) == "!abc ");
  CHECK(clip.decode(ids{514, 513, 515}, false) == "<|startoftext|>abc <|endoftext|>");
  CHECK(clip.decode(ids{256 + 106 + 0xe9 - 0xae}) == "\ufffd ");
  CHECK(what_of<ss::value_error>([&] { clip.decode(ids{516}); }) == "clip_tokenizer: id 0 = 516, expected at most 515");
}

TEST_CASE("text/clip_tokenizer: invalid UTF-8 is named") {
  CHECK(what_of<ss::format_error>([] { made().encode("ab\xc0\xaf"); }) == "clip_tokenizer: text has 0xc0 at byte 2, expected UTF-8");
}

TEST_CASE("text/clip_tokenizer: the vocabulary comes from the option, else from the environment") {
  test_io::scratch const folder;
  test_io::put(folder / "v.txt", toy);
  {
    environment const none(nullptr);
    CHECK(clip_tokenizer({.vocabulary = folder / "v.txt", .merges = 2}).description() == made().description());
    CHECK(clip_tokenizer({.vocabulary = folder / "v.txt", .merges = 1}).description() != made().description());
    std::string const refusal = what_of<ss::io_error>([] { clip_tokenizer(); });
    CHECK_THAT(refusal, test_io::contains("clip_options::vocabulary"));
    CHECK_THAT(refusal, test_io::contains("SPEARSTORM_CLIP_VOCABULARY"));
  }
  environment const named((folder / "v.txt").c_str());
  CHECK(clip_tokenizer({.merges = 2}).encode("abc") == ids{513});
  CHECK_THAT(what_of<ss::io_error>([&] { clip_tokenizer({.vocabulary = folder / "no.txt"}); }), test_io::contains("no.txt': No such file"));
  CHECK_THAT(what_of<ss::io_error>([&] { clip_tokenizer({.vocabulary = folder.folder}); }), test_io::contains("cannot read"));
  CHECK_THAT(what_of<ss::format_error>([] { clip_tokenizer(); }),
             test_io::contains("v.txt', line 4: the file ends after 2 merges, expected 48894"));
}
#endif
