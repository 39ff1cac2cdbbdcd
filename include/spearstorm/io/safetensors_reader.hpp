#pragma once
// Reading safetensors: the header is checked when the file is opened, data is read when asked for.

#include <concepts>
#include <cstring>
#include <unordered_map>

#include "spearstorm/core/dtype.hpp"
#include "spearstorm/io/input_file.hpp"
#include "spearstorm/io/safetensors_header.hpp"

namespace SPEARSTORM_NS::io {

static_assert(std::endian::native == std::endian::little, "spearstorm: safetensors holds little-endian numbers, this machine does not");

/// A type that `read` and `add` name by themselves.
template <class T>
concept file_element = dtype_name<T> != "unknown";

/// The floating types that `read_converted` moves between.
template <class T>
concept file_float = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, bfloat16>;

/// An open safetensors file. Const members may be called from several threads.
/// @throws io_error where the system refuses, format_error where the content breaks the format
class safetensors_file {
 public:
  explicit safetensors_file(std::filesystem::path const& path) : file_(path) {
    std::string const name = "safetensors: '" + file_.name() + "'";
    if (file_.size() < 8) fail<format_error>(name, " has ", file_.size(), " bytes, expected at least 8");
    std::uint64_t length = 0;
    file_.read(0, std::as_writable_bytes(std::span(&length, 1)));
    if (length > safetensors_header_limit)
      fail<format_error>(name, ": header of ", length, " bytes, expected at most ", safetensors_header_limit);
    if (length > file_.size() - 8) fail<format_error>(name, ": header of ", length, " bytes, the file holds ", file_.size() - 8);
    std::string text(length, '\0');
    file_.read(8, std::as_writable_bytes(std::span(text)));
    data_ = 8 + length;
    header_ = parse_safetensors_header(text, file_.size() - data_, file_.name());
    for (std::size_t i = 0; i < header_.tensors.size(); ++i) places_[header_.tensors[i].name] = i;
  }

  std::vector<tensor_info> const& infos() const { return header_.tensors; }  ///< in file order
  std::map<std::string, std::string> const& metadata() const { return header_.metadata; }
  bool contains(std::string const& name) const { return places_.contains(name); }

  /// @throws format_error where the file has no such tensor
  tensor_info const& info(std::string const& name) const {
    auto const found = places_.find(name);
    if (found == places_.end()) fail<format_error>("safetensors: '", file_.name(), "' has no tensor '", name, "'");
    return header_.tensors[found->second];
  }

  /// Fills `out`; the file's type must be T and its size out's.
  /// @throws format_error for another type, shape_error for another size
  template <file_element T>
  void read(std::string const& name, std::span<T> out) const {
    tensor_info const& tensor = info(name);
    if (tensor.dtype != dtype_name<T>) fail<format_error>(where(name), " has dtype ", tensor.dtype, ", expected ", dtype_name<T>);
    check_count(tensor, static_cast<index>(sizeof(T)), out.size());
    read_bytes(tensor, 0, std::as_writable_bytes(out));
  }

  /// As `read`, and converts between F32, F64 and BF16 (rounding to nearest where the target is narrower).
  template <file_float T>
  void read_converted(std::string const& name, std::span<T> out) const {
    tensor_info const& tensor = info(name);
    if (tensor.dtype == dtype_name<float>) return convert<float>(tensor, out);
    if (tensor.dtype == dtype_name<double>) return convert<double>(tensor, out);
    if (tensor.dtype == dtype_name<bfloat16>) return convert<bfloat16>(tensor, out);
    fail<format_error>(where(name), " has dtype ", tensor.dtype, ", expected F32, F64 or BF16");
  }

  /// The tensor as it lies in the file, of whatever type.
  std::vector<std::byte> bytes(std::string const& name) const {
    tensor_info const& tensor = info(name);
    std::vector<std::byte> content(static_cast<std::size_t>(tensor.bytes));
    read_bytes(tensor, 0, content);
    return content;
  }

 private:
  std::string where(std::string const& name) const { return "safetensors: '" + file_.name() + "': tensor '" + name + "'"; }

  void check_count(tensor_info const& tensor, index element, std::size_t wanted) const {
    if (tensor.bytes / element != static_cast<index>(wanted))
      fail<shape_error>(where(tensor.name), " has ", tensor.bytes / element, " elements, expected ", wanted);
  }
  void read_bytes(tensor_info const& tensor, std::size_t from, std::span<std::byte> out) const {
    file_.read(data_ + static_cast<std::uint64_t>(tensor.offset) + from, out);
  }
  template <class Stored, class T>
  void convert(tensor_info const& tensor, std::span<T> out) const {
    check_count(tensor, static_cast<index>(sizeof(Stored)), out.size());
    constexpr std::size_t most = 16384;  // elements a time: no second copy of a large tensor
    std::vector<Stored> part(std::min(most, out.size()));
    for (std::size_t from = 0; from < out.size(); from += most) {
      std::size_t const count = std::min(most, out.size() - from);
      read_bytes(tensor, from * sizeof(Stored), std::as_writable_bytes(std::span(part).first(count)));
      for (std::size_t i = 0; i < count; ++i) {
        if constexpr (std::same_as<Stored, T>)
          out[from + i] = part[i];
        else if constexpr (std::same_as<Stored, bfloat16> || std::same_as<T, bfloat16>)
          out[from + i] = static_cast<T>(static_cast<float>(part[i]));
        else
          out[from + i] = static_cast<T>(part[i]);
      }
    }
  }

  input_file file_;
  std::uint64_t data_ = 0;
  safetensors_header header_;
  std::unordered_map<std::string, std::size_t> places_;
};

}  // namespace SPEARSTORM_NS::io
