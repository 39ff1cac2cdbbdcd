#if defined(SPEARSTORM_HAVE_UTF8PROC)
#include "spearstorm/text/clip_words.hpp"

#include <vector>

#include "catch.hpp"

using namespace spearstorm::text;
using words = std::vector<std::u32string>;

namespace {
words of(std::u32string_view clean) {
  words found;
  each_clip_word(clean, [&](std::u32string_view word) { found.emplace_back(word); });
  return found;
}
}  // namespace

TEST_CASE("text/clip_words: white space and lower case") {
  CHECK(clip_clean(U" \t A\u00a0\n\u2003b  ") == U"a b");
  CHECK(clip_clean(U"\x1c \x1f"
                   U"a\x1c"
                   U"b\x1d") ==
        U"a\x1c"
        U"b");  // strip takes them, \s does not
  CHECK(clip_clean(U" \n").empty());
  CHECK(clip_clean(U"\u03a3A\u03a3 \u0130") == U"\u03c3a\u03c2 i\u0307");
}

TEST_CASE("text/clip_words: letters, single digits, symbols") {
  CHECK(of(U"hello world") == words{U"hello", U"world"});
  CHECK(of(U"a1\u0662b") == words{U"a", U"1", U"\u0662", U"b"});
  CHECK(of(U"wow!!...?no") == words{U"wow", U"!!...?", U"no"});
  CHECK(of(U"\u4e2d\u6587\U0001F600\u2764\ufe0f x\u0301y") == words{U"\u4e2d\u6587", U"\U0001F600\u2764\ufe0f", U"x", U"\u0301", U"y"});
  CHECK(of(U"").empty());
}

TEST_CASE("text/clip_words: contractions and the two special words") {
  CHECK(of(U"it's we'll i'd'ves") == words{U"it", U"'s", U"we", U"'ll", U"i", U"'d", U"'ve", U"s"});
  CHECK(of(U"''s 'x 'lx") == words{U"''", U"s", U"'", U"x", U"'", U"lx"});  // a run of symbols swallows the apostrophe
  CHECK(of(U"a<|startoftext|>b<|endoftext|>") == words{U"a", U"<|startoftext|>", U"b", U"<|endoftext|>"});
  CHECK(of(U"!<|endoftext|>") == words{U"!<|", U"endoftext", U"|>"});
}

TEST_CASE("text/clip_words: what ignoring case does to lower-case text") {
  CHECK(of(U"it'\u017f") == words{U"it", U"'\u017f"});
  CHECK(of(U"<|\u017ftartoftext|>") == words{U"<|\u017ftartoftext|>"});
  CHECK(of(U"a\u0345b!\u0345!") == words{U"a", U"b", U"!", U"!"});
}
#endif
