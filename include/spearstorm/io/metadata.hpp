#pragma once
// Numbers in a safetensors file's metadata, which holds strings only.

#include <charconv>
#include <map>
#include <string>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::io {

/// The shortest text that reads back as the same number.
template <class T>
std::string number_text(T value) {
  char text[64];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

/// Reads entries of one file; `where` opens each message: `load_token_file: 'a': `.
class metadata_reader {
 public:
  metadata_reader(std::map<std::string, std::string> const& entries, std::string where) : entries_(entries), where_(std::move(where)) {}

  /// @throws format_error where the entry is absent
  std::string const& text(std::string const& key) const {
    auto const found = entries_.find(key);
    if (found == entries_.end()) fail<format_error>(where_, "metadata lacks '", key, "'");
    return found->second;
  }
  /// @throws format_error where the entry is absent or no number of type T
  template <class T>
  T number(std::string const& key) const {
    std::string const& written = text(key);
    T value{};
    auto const [end, failure] = std::from_chars(written.data(), written.data() + written.size(), value);
    if (failure != std::errc{} || end != written.data() + written.size())
      fail<format_error>(where_, "metadata '", key, "' is '", written, "', expected a number");
    return value;
  }
  /// @throws format_error where the file is of another kind or version
  void require(std::string_view format, index version) const {
    auto const found = entries_.find("format");
    if (found == entries_.end() || found->second != format)
      fail<format_error>(where_, "format is '", found == entries_.end() ? "" : found->second, "', expected '", format, "'");
    if (index const v = number<index>("format_version"); v != version)
      fail<format_error>(where_, "format_version is ", v, ", this library reads ", version);
  }

 private:
  std::map<std::string, std::string> const& entries_;
  std::string where_;
};

}  // namespace SPEARSTORM_NS::io
