#pragma once
// The words that CLIP's tokenizer splits a text into before it merges bytes.

#include "spearstorm/text/unicode.hpp"

namespace SPEARSTORM_NS::text {

/// Every run of white space becomes one blank, those at both ends go, then lower case: x_clip's clean-up without ftfy and HTML entities.
inline std::u32string clip_clean(std::u32string_view text) {
  // Python's strip takes four separators more than the pattern \s does
  auto const stripped = [](char32_t point) { return is_space(point) || (point >= 0x1C && point <= 0x1F); };
  while (!text.empty() && stripped(text.front())) text.remove_prefix(1);
  while (!text.empty() && stripped(text.back())) text.remove_suffix(1);
  std::u32string clean;
  for (char32_t const point : text)
    if (!is_space(point))
      clean += point;
    else if (clean.back() != U' ')  // not empty: the first character is no space
      clean += U' ';
  return lower_case(clean);
}

/// Calls each(word) for the matches of CLIP's pattern in a cleaned text, ignoring case as Python's `regex` does:
/// `<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`.
/// Of the characters that differ only in case, two matter in lower-case text: the long s is an s, and U+0345, the mark whose capital is the
/// letter iota, is neither letter (its category is Mn) nor anything else (its capital is a letter), so no word has it.
template <class Each>
void each_clip_word(std::u32string_view text, Each&& each) {
  constexpr char32_t iota_below = 0x345;
  constexpr std::u32string_view fixed[] = {U"<|startoftext|>", U"<|endoftext|>", U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"};
  auto const begins_with = [&](std::size_t at, std::u32string_view word) {
    return text.size() - at >= word.size() && std::equal(word.begin(), word.end(), text.begin() + static_cast<std::ptrdiff_t>(at),
                                                         [](char32_t want, char32_t c) { return want == (c == 0x17F ? U's' : c); });
  };
  auto const is_symbol = [](char32_t c) { return !is_space(c) && !is_letter(c) && !is_number(c) && c != iota_below; };
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = 0;
    if (text[at] == U'<' || text[at] == U'\'')
      for (std::u32string_view const word : fixed)
        if (length == 0 && begins_with(at, word)) length = word.size();
    if (length == 0 && is_number(text[at])) length = 1;
    if (length == 0)
      while (at + length < text.size() && is_letter(text[at + length])) ++length;
    if (length == 0)
      while (at + length < text.size() && is_symbol(text[at + length])) ++length;
    if (length > 0) each(text.substr(at, length));
    at += std::max<std::size_t>(length, 1);
  }
}

}  // namespace SPEARSTORM_NS::text
