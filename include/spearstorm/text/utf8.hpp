#pragma once
// UTF-8 as strict as Unicode defines it: overlong forms, surrogates and what lies above U+10FFFF are no characters.

#include <string>
#include <string_view>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::text {

/// One character read from a text, or the bytes that are none.
struct utf8_step {
  char32_t point = 0xFFFD;  ///< U+FFFD where the bytes are no character
  std::size_t length = 1;   ///< bytes read; of an error the longest part that could still have become a character
  bool valid = false;
};

/// Reads the character that begins at the byte `at`, which lies inside the text.
/// @see the Unicode standard, table 3-7
constexpr utf8_step next_utf8(std::string_view text, std::size_t at) {
  auto const byte = [&](std::size_t i) -> unsigned { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0; };
  unsigned const first = byte(0);
  if (first < 0x80) return {first, 1, true};
  if (first < 0xC2 || first > 0xF4) return {};
  std::size_t const length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;   // below: overlong
  unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;  // above: a surrogate, or beyond U+10FFFF
  char32_t point = first & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    unsigned const more = byte(i);  // behind the end 0, which continues nothing
    if (more < low || more > high) return {0xFFFD, i, false};
    point = point << 6 | (more & 0x3F);
    low = 0x80, high = 0xBF;
  }
  return {point, length, true};
}

/// Appends one character; `point` is a Unicode scalar value.
inline void append_utf8(std::string& text, char32_t point) {
  auto const put = [&](char32_t bits) { text += static_cast<char>(static_cast<unsigned char>(bits)); };
  auto const more = [&](int shift) { put(0x80 | (point >> shift & 0x3F)); };
  if (point < 0x80) return put(point);
  if (point < 0x800) return put(0xC0 | point >> 6), more(0);
  if (point < 0x10000) return put(0xE0 | point >> 12), more(6), more(0);
  put(0xF0 | point >> 18), more(12), more(6), more(0);
}

inline std::string to_utf8(std::u32string_view points) {
  std::string text;
  for (char32_t const point : points) append_utf8(text, point);
  return text;
}

/// `U+0041`, for messages.
inline std::string code_point_name(char32_t point) {
  std::ostringstream name;
  name << std::uppercase << std::hex << static_cast<std::uint32_t>(point);
  return "U+" + std::string(name.str().size() < 4 ? 4 - name.str().size() : 0, '0') + name.str();
}

/// Calls each(point, byte position) for every character; `function` opens the message.
/// @throws format_error naming the first byte that is no UTF-8, and its position
template <class Each>
void each_character(std::string_view function, std::string_view text, Each&& each) {
  for (std::size_t at = 0; at < text.size();) {
    utf8_step const step = next_utf8(text, at);
    if (!step.valid) {
      std::ostringstream byte;
      byte << std::hex << static_cast<int>(static_cast<unsigned char>(text[at]));
      fail<format_error>(function, ": text has 0x", byte.str(), " at byte ", at, ", expected UTF-8");
    }
    each(step.point, at);
    at += step.length;
  }
}

/// The characters of a text.
/// @throws format_error as each_character
inline std::u32string from_utf8(std::string_view function, std::string_view text) {
  std::u32string points;
  points.reserve(text.size());
  each_character(function, text, [&](char32_t point, std::size_t) { points += point; });
  return points;
}

/// The text with U+FFFD in place of what is no UTF-8, as Python's `decode(errors="replace")` puts it: ids that a network
/// draws may stand for any bytes.
inline std::string replace_invalid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    utf8_step const step = next_utf8(text, at);
    if (step.valid)
      valid += text.substr(at, step.length);
    else
      append_utf8(valid, step.point);
    at += step.length;
  }
  return valid;
}

}  // namespace SPEARSTORM_NS::text
