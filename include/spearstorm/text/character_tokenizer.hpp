#pragma once
// An id for every character that a set of texts uses.

#include <set>
#include <unordered_map>

#include "spearstorm/text/tokenizer.hpp"
#include "spearstorm/text/utf8.hpp"

namespace SPEARSTORM_NS::text {

/// A character is one code point; texts are taken as they are, so lower case and normal forms are the caller's choice.
class character_tokenizer {
 public:
  /// One character each, numbered in this order: what `symbols()` gave, or a model file holds.
  /// @throws value_error where a symbol is not one character or stands there twice, format_error where it is no UTF-8
  explicit character_tokenizer(std::vector<std::string> symbols, std::string_view function = "character_tokenizer")
      : symbols_(std::move(symbols)) {
    for (std::string const& symbol : symbols_) {
      std::u32string const points = from_utf8(function, symbol);
      if (points.size() != 1) fail<value_error>(function, ": symbol '", symbol, "' has ", points.size(), " characters, expected 1");
      auto const next = static_cast<std::int32_t>(ids_.size());
      if (!ids_.try_emplace(points[0], next).second) fail<value_error>(function, ": symbol '", symbol, "' is given twice");
    }
  }

  /// The characters of an alphabet, numbered in its order.
  static character_tokenizer of(std::string_view alphabet) {
    std::vector<std::string> symbols;
    for (char32_t const point : from_utf8("character_tokenizer", alphabet)) append_utf8(symbols.emplace_back(), point);
    return character_tokenizer(std::move(symbols));
  }

  /// All characters of the texts, numbered by code point.
  static character_tokenizer learn(std::span<std::string const> texts) {
    std::set<char32_t> found;
    for (std::string const& text : texts)
      each_character("character_tokenizer", text, [&](char32_t point, std::size_t) { found.insert(point); });
    return of(to_utf8(std::u32string(found.begin(), found.end())));
  }

  index size() const { return static_cast<index>(symbols_.size()); }
  std::vector<std::string> const& symbols() const { return symbols_; }
  tokenizer_description description() const { return {.name = "character", .symbols = symbols_}; }

  /// @throws format_error for a text that is no UTF-8, value_error for a character that has no id; `function` opens the message
  std::vector<std::int32_t> encode(std::string_view text, std::string_view function = "character_tokenizer") const {
    std::vector<std::int32_t> ids;
    each_character(function, text, [&](char32_t point, std::size_t at) {
      auto const found = ids_.find(point);
      if (found == ids_.end())
        fail<value_error>(function, ": character ", code_point_name(point), " at byte ", at, ", expected one of the ", size(), " symbols");
      ids.push_back(found->second);
    });
    return ids;
  }

  /// What `encode` was given.
  /// @throws value_error for an id of size() and above
  std::string decode(std::span<std::int32_t const> ids, std::string_view function = "character_tokenizer") const {
    std::string text;
    detail::each_id(function, ids, size(), [&](std::int32_t id) { text += symbols_[static_cast<std::size_t>(id)]; });
    return text;
  }

 private:
  std::vector<std::string> symbols_;
  std::unordered_map<char32_t, std::int32_t> ids_;
};

}  // namespace SPEARSTORM_NS::text
