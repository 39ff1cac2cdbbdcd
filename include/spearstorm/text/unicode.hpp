#pragma once
// The one door to utf8proc: classes of characters, and lower case as Python's str.lower gives it.

#include <utf8proc.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS::text {

namespace detail {

inline utf8proc_category_t category(char32_t point) { return utf8proc_category(static_cast<utf8proc_int32_t>(point)); }

/// Not in utf8proc: the property Cased. Lm and Mn with that property are Case_Ignorable too, which is asked first.
inline bool is_cased(char32_t c) {
  auto const in = [c](char32_t first, char32_t last) { return c >= first && c <= last; };
  utf8proc_category_t const kind = category(c);
  return kind == UTF8PROC_CATEGORY_LU || kind == UTF8PROC_CATEGORY_LL || kind == UTF8PROC_CATEGORY_LT || c == 0xAA || c == 0xBA ||
         in(0x2160, 0x217F) || in(0x24B6, 0x24E9) || in(0x1F130, 0x1F149) || in(0x1F150, 0x1F169) || in(0x1F170, 0x1F189);
}

/// Not in utf8proc: the property Case_Ignorable, its punctuation listed.
inline bool is_case_ignorable(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK: return true;
    default: break;
  }
  return std::u32string_view(U"'.:\u00B7\u0387\u055F\u05F4\u2018\u2019\u2024\u2027\uFE13\uFE52\uFE55\uFF07\uFF0E\uFF1A").find(c) !=
         std::u32string_view::npos;
}

/// Whether the sigma at `at` ends a word: a cased character before it and none behind, whatever is ignorable left out.
inline bool is_final_sigma(std::u32string_view text, std::size_t at) {
  std::size_t before = at, behind = at + 1;
  while (before > 0 && is_case_ignorable(text[before - 1])) --before;
  while (behind < text.size() && is_case_ignorable(text[behind])) ++behind;
  return before > 0 && is_cased(text[before - 1]) && (behind == text.size() || !is_cased(text[behind]));
}

}  // namespace detail

/// Categories L*.
inline bool is_letter(char32_t point) {
  utf8proc_category_t const kind = detail::category(point);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

/// Categories N*: digits of all scripts, fractions, Roman numerals.
inline bool is_number(char32_t point) {
  utf8proc_category_t const kind = detail::category(point);
  return kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO;
}

/// The property White_Space.
inline bool is_space(char32_t point) {
  utf8proc_category_t const kind = detail::category(point);
  return kind == UTF8PROC_CATEGORY_ZS || kind == UTF8PROC_CATEGORY_ZL || kind == UTF8PROC_CATEGORY_ZP || (point >= 9 && point <= 13) ||
         point == 0x85;
}

/// Full lower case without a language: the dotted capital I becomes two characters, a capital sigma looks at its neighbours.
inline std::u32string lower_case(std::u32string_view text) {
  std::u32string lower;
  lower.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == 0x130)
      lower += U"i\u0307";
    else if (text[i] == 0x3A3)
      lower += detail::is_final_sigma(text, i) ? U'\u03C2' : U'\u03C3';
    else
      lower += static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(text[i])));
  }
  return lower;
}

}  // namespace SPEARSTORM_NS::text
