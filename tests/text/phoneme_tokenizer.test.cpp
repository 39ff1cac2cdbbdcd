#if defined(SPEARSTORM_HAVE_ESPEAK)
#include "spearstorm/text/phoneme_tokenizer.hpp"

#include "io/scratch.hpp"

namespace ss = spearstorm;
using ss::text::phoneme_tokenizer;
using ids = std::vector<std::int32_t>;
using test_io::what_of;

TEST_CASE("text/phoneme_tokenizer: signs learned from texts") {
  static_assert(ss::text::tokenizer<phoneme_tokenizer>);
  std::vector<std::string> const texts = {"The cat.", "a cat"};
  auto const learned = phoneme_tokenizer::learn(texts);
  CHECK(learned.symbols() == std::vector<std::string>{" ", "k", "t", "\u00e6", "\u00f0", "\u0250", "\u0259", "\u02c8"});
  CHECK(learned.encode("the cat") == ids{4, 6, 0, 1, 7, 3, 2});
  CHECK(learned.decode(learned.encode("The cat!")) == "\u00f0\u0259 k\u02c8\u00e6t");
  auto const about = learned.description();
  CHECK(phoneme_tokenizer(about.settings.at("voice"), about.symbols).description() == about);
}

TEST_CASE("text/phoneme_tokenizer: errors") {
  phoneme_tokenizer const few("en-us", {" ", "k", "t"});
  CHECK(what_of<ss::value_error>([&] { few.encode("cat"); }) ==
        "phoneme_tokenizer: character U+02C8 at byte 1, expected one of the 3 symbols");
  CHECK(what_of<ss::value_error>([&] { few.decode(ids{3}); }) == "phoneme_tokenizer: id 0 = 3, expected at most 2");
  CHECK(what_of<ss::value_error>([] { phoneme_tokenizer("en-us", {"a", "a"}); }) == "phoneme_tokenizer: symbol 'a' is given twice");
  CHECK_THROWS_AS(phoneme_tokenizer("no-such", {"a"}).encode("a"), ss::value_error);
}
#endif
