#if defined(SPEARSTORM_HAVE_UTF8PROC)
#include "spearstorm/text/unicode.hpp"

#include "catch.hpp"

using namespace spearstorm::text;

TEST_CASE("text/unicode: classes of characters") {
  for (char32_t const c : std::u32string(U"aZ\u00aa\u0130\u4e2d\u05d0\u02b0\uac00")) CHECK(is_letter(c));
  for (char32_t const c : std::u32string(U"0\u0663\u00bd\u2163\u2460\U0001D7D8")) CHECK(is_number(c));
  for (char32_t const c : std::u32string(U" \t\n\v\f\r\u0085\u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000")) CHECK(is_space(c));
  for (char32_t const c : std::u32string(U"!\u0301\u24d0\U0001F600\u200b\x1c")) CHECK((!is_letter(c) && !is_number(c) && !is_space(c)));
}

TEST_CASE("text/unicode: lower case is the full one") {
  CHECK(lower_case(U"AbC \u00c9\u0416 1") == U"abc \u00e9\u0436 1");
  CHECK(lower_case(U"\u0130X") == U"i\u0307x");
  CHECK(lower_case(U"\u212a\u1e9e\u017f") == U"k\u00df\u017f");
  CHECK(lower_case(U"\U00010400\u1c90\u13a0") == U"\U00010428\u10d0\uab70");
}

TEST_CASE("text/unicode: a sigma is final behind a cased character and before none") {
  auto const sigma = [](std::u32string const& before, std::u32string const& behind) {
    return lower_case(before + U'\u03a3' + behind)[before.size()];
  };
  struct {
    std::u32string before, behind;
    bool final;
  } const cases[] = {{U"", U"", false},      {U"A", U"", true},       {U"A", U"A", false},          {U"A", U" A", true},
                     {U"1", U"", false},     {U"A", U"1", true},      {U"A\u0301", U"", true},      {U"A.", U"", true},
                     {U".", U"", false},     {U"A", U"'B", false},    {U"A", U"'", true},           {U"\u02b0", U"", false},
                     {U"\u2163", U"", true}, {U"\u24d0", U"", true},  {U"\u00aa", U"", true},       {U"A", U"\u2163", false},
                     {U"A-", U"", false},    {U"A\u00ad", U"", true}, {U"A", U"\U0001F170", false}, {U"\u4e2d", U"", false}};
  for (auto const& [before, behind, final] : cases) {
    CAPTURE(before.size(), behind.size(), static_cast<int>(before.empty() ? 0 : before.back()));
    CHECK(sigma(before, behind) == (final ? U'\u03c2' : U'\u03c3'));
  }
}
#endif
