#include "spearstorm/text/character_tokenizer.hpp"

#include "io/scratch.hpp"

namespace ss = spearstorm;
using ss::text::character_tokenizer;
using ids = std::vector<std::int32_t>;
using test_io::what_of;

TEST_CASE("text/character_tokenizer: learned from texts, numbered by code point") {
  std::vector<std::string> const texts = {"ba c", "\u00e9a"};
  auto const learned = character_tokenizer::learn(texts);
  CHECK(learned.symbols() == std::vector<std::string>{" ", "a", "b", "c", "\u00e9"});
  CHECK(learned.encode("c\u00e9 ") == ids{3, 4, 0});
  CHECK(learned.encode("").empty());
  CHECK(learned.decode(ids{3, 4, 0, -1}) == "c\u00e9 ");
  CHECK(character_tokenizer(learned.description().symbols).description() == learned.description());
}

TEST_CASE("text/character_tokenizer: an alphabet keeps its order") {
  auto const given = character_tokenizer::of("zya");
  CHECK(given.size() == 3);
  CHECK(given.encode("az") == ids{2, 0});
}

TEST_CASE("text/character_tokenizer: errors") {
  auto const given = character_tokenizer::of("\u00e9a");
  CHECK(what_of<ss::value_error>([&] { given.encode("a\u00e9\u20aca"); }) ==
        "character_tokenizer: character U+20AC at byte 3, expected one of the 2 symbols");
  CHECK(what_of<ss::format_error>([&] { given.encode("a\xff"); }) == "character_tokenizer: text has 0xff at byte 1, expected UTF-8");
  CHECK(what_of<ss::value_error>([&] { given.decode(ids{2}); }) == "character_tokenizer: id 0 = 2, expected at most 1");
  CHECK(what_of<ss::value_error>([] { character_tokenizer::of("aba"); }) == "character_tokenizer: symbol 'a' is given twice");
  CHECK(what_of<ss::value_error>([] { character_tokenizer({"a", "bc"}); }) ==
        "character_tokenizer: symbol 'bc' has 2 characters, expected 1");
  CHECK(what_of<ss::value_error>([] { character_tokenizer({""}); }) == "character_tokenizer: symbol '' has 0 characters, expected 1");
}
