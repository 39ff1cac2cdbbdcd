#pragma once
// Writing safetensors: tensors are gathered as views and written in one go.

#include <ranges>
#include <set>

#include "spearstorm/io/safetensors_reader.hpp"

namespace SPEARSTORM_NS::io {

/// Gathers views of tensors; `commit` writes them in the order in which they were added. The views must live until then.
/// The header is padded with blanks to a multiple of 8 bytes, as the reference does.
/// @throws value_error for a name given twice, text that is no UTF-8, or a header above the limit; format_error for a type or shape that
///         does not fit its bytes; io_error where the system refuses (an older file stays intact)
class safetensors_writer {
 public:
  explicit safetensors_writer(std::filesystem::path path) : path_(std::move(path)) {}

  safetensors_writer& metadata(std::string const& key, std::string const& value) {
    if (!metadata_.emplace(key, value).second) fail<value_error>(where("metadata", key), " is given twice");
    return *this;
  }

  safetensors_writer& add(std::string const& name, std::string_view dtype, std::vector<index> shape, std::span<std::byte const> bytes) {
    index const expected = tensor_bytes(dtype, shape, where("tensor", name));
    if (expected != static_cast<index>(bytes.size()))
      fail<format_error>(where("tensor", name), " is given ", bytes.size(), " bytes, its dtype and shape say ", expected);
    if (name == "__metadata__") fail<value_error>(where("tensor", name), ": this name is the format's own");
    if (!names_.insert(name).second) fail<value_error>(where("tensor", name), " is given twice");
    tensors_.push_back({.name = name, .dtype = std::string(dtype), .shape = std::move(shape), .offset = end_, .bytes = expected});
    data_.push_back(bytes);
    end_ += expected;
    return *this;
  }
  /// With the element type's own name: a span, or a vector that outlives the writer (a temporary one does not compile).
  template <std::ranges::contiguous_range Values>
    requires std::ranges::borrowed_range<Values> && file_element<std::ranges::range_value_t<Values>>
  safetensors_writer& add(std::string const& name, std::vector<index> shape, Values&& values) {
    std::span<std::ranges::range_value_t<Values> const> const view(values);
    return add(name, dtype_name<std::ranges::range_value_t<Values>>, std::move(shape), std::as_bytes(view));
  }

  /// Writes all that was gathered. May be repeated: the same bytes go to the same path.
  void commit() const {
    std::string const text = header_text();
    std::uint64_t const length = text.size();
    atomic_file file(path_);
    file.write(std::as_bytes(std::span(&length, 1)));
    file.write(text);
    for (std::span<std::byte const> part : data_) file.write(part);
    file.commit();
  }

 private:
  std::string where(std::string_view what, std::string const& name) const {
    return message("safetensors_writer: '", path_.string(), "': ", what, " '", name, "'");
  }

  std::string header_text() const try {
    std::string text = "{";
    if (!metadata_.empty()) text += "\"__metadata__\":" + json(metadata_).dump();
    for (tensor_info const& tensor : tensors_) {
      ordered_json const fields = {
          {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {tensor.offset, tensor.offset + tensor.bytes}}};
      text += (text.size() > 1 ? "," : "") + json(tensor.name).dump() + ":" + fields.dump();
    }
    text += "}";
    text.append((8 - text.size() % 8) % 8, ' ');
    if (text.size() > safetensors_header_limit)
      fail<value_error>("safetensors_writer: '", path_.string(), "': header of ", text.size(), " bytes, expected at most ",
                        safetensors_header_limit);
    return text;
  } catch (json::exception const& bad) {
    fail<value_error>("safetensors_writer: '", path_.string(), "': ", bad.what());
  }

  std::filesystem::path path_;
  std::map<std::string, std::string> metadata_;
  std::vector<tensor_info> tensors_;
  std::vector<std::span<std::byte const>> data_;
  std::set<std::string> names_;
  index end_ = 0;
};

}  // namespace SPEARSTORM_NS::io
