#include "spearstorm/text/utf8.hpp"

#include "io/scratch.hpp"

namespace ss = spearstorm;
using namespace ss::text;
using test_io::what_of;

TEST_CASE("text/utf8: characters of one to four bytes") {
  std::string const text = "a\u00e9\u20ac\U0001F600";
  CHECK(from_utf8("test", text) == U"a\u00e9\u20ac\U0001F600");
  CHECK(to_utf8(from_utf8("test", text)) == text);
  CHECK(code_point_name(U'A') == "U+0041");
  CHECK(code_point_name(0x1F600) == "U+1F600");
}

TEST_CASE("text/utf8: every scalar value returns, and nothing else is one") {
  for (char32_t point = 0; point < 0x110000; ++point) {
    std::string bytes;
    append_utf8(bytes, point);
    utf8_step const step = next_utf8(bytes, 0);
    bool const surrogate = point >= 0xD800 && point < 0xE000;
    if (step.valid == surrogate || (step.valid && (step.point != point || step.length != bytes.size()))) FAIL(code_point_name(point));
  }
}

TEST_CASE("text/utf8: what is no UTF-8 is named with its place") {
  auto const refusal = [](std::string const& bad) { return what_of<ss::format_error>([&] { from_utf8("test", "ab" + bad + "c"); }); };
  CHECK(refusal("\xff") == "test: text has 0xff at byte 2, expected UTF-8");
  CHECK(refusal("\u00e9\x80") == "test: text has 0x80 at byte 4, expected UTF-8");
  for (std::string const bad : {"\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",  // overlong
                                "\xed\xa0\x80", "\xed\xbf\xbf",                              // surrogates
                                "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",                      // above U+10FFFF
                                "\xc3", "\xe2\x82", "\xf0\x9f\x98"}) {                       // cut off
    CAPTURE(bad);
    CHECK(refusal(bad).ends_with(" at byte 2, expected UTF-8"));
  }
}

TEST_CASE("text/utf8: replaces as Python's decode does") {
  CHECK(replace_invalid_utf8("a\u20ac") == "a\u20ac");
  CHECK(replace_invalid_utf8("a\xf0\x9f\x98z") == "a\ufffdz");  // one for the part that could have become a character
  CHECK(replace_invalid_utf8("\xed\xa0\x80\xc0\xaf") == "\ufffd\ufffd\ufffd\ufffd\ufffd");  // one for each byte that could not
  CHECK(replace_invalid_utf8("\xe2\x82") == "\ufffd");
}
