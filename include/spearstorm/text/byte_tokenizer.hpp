#pragma once
// The tokenizer that needs nothing: an id is a byte of the text's UTF-8.

#include "spearstorm/text/tokenizer.hpp"
#include "spearstorm/text/utf8.hpp"

namespace SPEARSTORM_NS::text {

struct byte_tokenizer {
  index size() const { return 256; }
  tokenizer_description description() const { return {.name = "byte"}; }

  /// @throws format_error for a text that is no UTF-8
  std::vector<std::int32_t> encode(std::string_view text) const {
    each_character("byte_tokenizer", text, [](char32_t, std::size_t) {});
    std::vector<std::int32_t> ids;
    ids.reserve(text.size());
    for (char const byte : text) ids.push_back(static_cast<unsigned char>(byte));
    return ids;
  }

  /// What `encode` was given; U+FFFD stands for ids that are no UTF-8.
  /// @throws value_error for an id above 255
  std::string decode(std::span<std::int32_t const> ids) const {
    std::string bytes;
    detail::each_id("byte_tokenizer", ids, size(), [&](std::int32_t id) { bytes += static_cast<char>(static_cast<unsigned char>(id)); });
    return replace_invalid_utf8(bytes);
  }
};

}  // namespace SPEARSTORM_NS::text
