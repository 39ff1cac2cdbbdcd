#if defined(SPEARSTORM_HAVE_ESPEAK)
#include "spearstorm/text/phonemes.hpp"

#include <thread>
#include <vector>

#include "io/scratch.hpp"

namespace ss = spearstorm;
using ss::text::phonemes;
using test_io::what_of;

TEST_CASE("text/phonemes: words keep their blanks") {
  CHECK(phonemes("the cat") == "\u00f0\u0259 k\u02c8\u00e6t");
  CHECK(phonemes("The  cat.") == phonemes("the cat"));
  CHECK(phonemes("the cat. The cat!\nThe cat") == "\u00f0\u0259 k\u02c8\u00e6t \u00f0\u0259 k\u02c8\u00e6t \u00f0\u0259 k\u02c8\u00e6t");
  CHECK(phonemes("").empty());
  CHECK(phonemes(" \n").empty());
}

TEST_CASE("text/phonemes: a change of language leaves no mark") {
  CHECK(ss::text::detail::without_languages("a (en)b(fr) c)(") == "a b c)(");
  CHECK(phonemes("le weekend", "fr").find('(') == std::string::npos);
}

TEST_CASE("text/phonemes: several threads with voices of their own") {
  std::string const american = phonemes("a dance", "en-us"), british = phonemes("a dance", "en");
  CHECK(american != british);
  std::vector<int> wrong(2);
  auto const work = [&](std::size_t who) {
    for (int i = 0; i < 50; ++i) wrong[who] += phonemes("a dance", who ? "en-us" : "en") != (who ? american : british);
  };
  std::thread one(work, 0), two(work, 1);
  one.join(), two.join();
  CHECK(wrong == std::vector<int>{0, 0});
}

TEST_CASE("text/phonemes: errors") {
  CHECK(what_of<ss::value_error>([] { phonemes("a", "no-such"); }) == "phonemes: voice 'no-such', expected one of espeak-ng's");
  CHECK(what_of<ss::value_error>([] { phonemes("a", ""); }) == "phonemes: voice '', expected one of espeak-ng's");
  CHECK(phonemes("the cat") == "\u00f0\u0259 k\u02c8\u00e6t");  // the voice is set again
  CHECK(what_of<ss::format_error>([] { phonemes("a\xff"); }) == "phonemes: text has 0xff at byte 1, expected UTF-8");
  CHECK(what_of<ss::value_error>([] { phonemes(std::string("a\0b", 3)); }) ==
        "phonemes: character U+0000 at byte 1, expected a text without");
}
#endif
