#pragma once
// The header of a safetensors file: JSON that names each tensor's type, shape and place. At least as strict as the Rust reference.

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spearstorm/core/error.hpp"
#include "spearstorm/io/json.hpp"

namespace SPEARSTORM_NS::io {

inline constexpr std::uint64_t safetensors_header_limit = 100'000'000;  ///< the reference's MAX_HEADER_SIZE

/// One tensor of a file. `offset` counts from the end of the header.
struct tensor_info {
  std::string name;
  std::string dtype;
  std::vector<index> shape;
  index offset = 0;
  index bytes = 0;

  friend bool operator==(tensor_info const&, tensor_info const&) = default;
};

struct safetensors_header {
  std::vector<tensor_info> tensors;  ///< in file order
  std::map<std::string, std::string> metadata;
};

/// Bytes an element; 0 for a type that this library does not know.
inline index dtype_bytes(std::string_view dtype) {
  static constexpr std::pair<std::string_view, index> known[] = {{"BOOL", 1}, {"U8", 1},   {"I8", 1},  {"I16", 2}, {"U16", 2},
                                                                 {"F16", 2},  {"BF16", 2}, {"I32", 4}, {"U32", 4}, {"F32", 4},
                                                                 {"F64", 8},  {"I64", 8},  {"U64", 8}};
  for (auto const& [name, bytes] : known)
    if (name == dtype) return bytes;
  return 0;
}

/// Bytes of a tensor, overflow and unknown types refused. `where` opens the message: `'file': tensor 'name'`.
/// @throws format_error
inline index tensor_bytes(std::string_view dtype, std::vector<index> const& shape, std::string_view where) {
  index bytes = dtype_bytes(dtype);
  if (bytes == 0) fail<format_error>(where, " has the unknown dtype '", dtype, "'");
  for (index size : shape)
    if (size < 0 || __builtin_mul_overflow(bytes, size, &bytes))
      fail<format_error>(where, ": its shape has a size of ", size, ", too large or negative");
  return bytes;
}

namespace detail {

inline index count_of(json const& value, std::string const& where, std::string_view what) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > static_cast<std::uint64_t>(PTRDIFF_MAX))
    fail<format_error>(where, ": ", what, " holds ", value.dump(), ", expected a whole number from 0 to ", PTRDIFF_MAX);
  return value.get<index>();
}

inline tensor_info tensor_of(std::string const& name, json const& entry, std::string const& where) {
  if (!entry.is_object()) fail<format_error>(where, " is ", entry.type_name(), ", expected an object");
  for (auto const& [key, value] : entry.items())
    if (key != "dtype" && key != "shape" && key != "data_offsets") fail<format_error>(where, " has the unknown field '", key, "'");
  for (char const* key : {"dtype", "shape", "data_offsets"})
    if (!entry.contains(key)) fail<format_error>(where, " lacks '", key, "'");
  json const &dtype = entry["dtype"], &shape = entry["shape"], &offsets = entry["data_offsets"];
  if (!dtype.is_string()) fail<format_error>(where, ": dtype is ", dtype.type_name(), ", expected a string");
  if (!shape.is_array()) fail<format_error>(where, ": shape is ", shape.type_name(), ", expected an array");
  if (!offsets.is_array() || offsets.size() != 2) fail<format_error>(where, ": data_offsets is not an array of two numbers");

  tensor_info tensor{.name = name, .dtype = dtype.get<std::string>(), .shape = {}, .offset = 0, .bytes = 0};
  for (json const& size : shape) tensor.shape.push_back(count_of(size, where, "shape"));
  tensor.offset = count_of(offsets[0], where, "data_offsets");
  index const end = count_of(offsets[1], where, "data_offsets");
  if (end < tensor.offset) fail<format_error>(where, " ends at ", end, " before its start at ", tensor.offset);
  tensor.bytes = end - tensor.offset;
  index const expected = tensor_bytes(tensor.dtype, tensor.shape, where);
  if (tensor.bytes != expected) fail<format_error>(where, " spans ", tensor.bytes, " bytes, its dtype and shape say ", expected);
  return tensor;
}

inline void read_metadata(json const& entries, std::string const& file, safetensors_header& header) {
  if (!entries.is_object()) fail<format_error>(file, ": __metadata__ is ", entries.type_name(), ", expected an object");
  for (auto const& [key, value] : entries.items()) {
    if (!value.is_string()) fail<format_error>(file, ": __metadata__ entry '", key, "' is ", value.type_name(), ", expected a string");
    header.metadata[key] = value.get<std::string>();
  }
}

}  // namespace detail

/// Reads and checks a header. `data_bytes` is what follows it in the file; the tensors must cover exactly that, without holes or overlaps.
/// @throws format_error with the file's and the tensor's name
inline safetensors_header parse_safetensors_header(std::string_view text, std::uint64_t data_bytes, std::string const& file_name) {
  std::string const file = "safetensors: '" + file_name + "'";
  if (!text.starts_with('{')) fail<format_error>(file, ": its header does not open with '{'");
  json const root = parse_json(text, file, 3);  // tensor names, fields, numbers of a field

  safetensors_header header;
  for (auto const& [name, entry] : root.items()) {
    if (name == "__metadata__")
      detail::read_metadata(entry, file, header);
    else
      header.tensors.push_back(detail::tensor_of(name, entry, file + ": tensor '" + name + "'"));
  }
  std::stable_sort(header.tensors.begin(), header.tensors.end(), [](tensor_info const& a, tensor_info const& b) {
    return std::pair(a.offset, a.bytes) < std::pair(b.offset, b.bytes);  // an empty tensor goes before the one that shares its offset
  });

  index at = 0;
  for (tensor_info const& tensor : header.tensors) {
    if (tensor.offset != at)
      fail<format_error>(file, ": tensor '", tensor.name, "' starts at ", tensor.offset, ", expected ", at,
                         tensor.offset < at ? " (overlap)" : " (hole)");
    at += tensor.bytes;  // both are below the previous data_offsets' end, so no overflow
    if (static_cast<std::uint64_t>(at) > data_bytes)
      fail<format_error>(file, ": tensor '", tensor.name, "' ends at ", at, ", the file holds ", data_bytes, " bytes of data");
  }
  if (static_cast<std::uint64_t>(at) != data_bytes)
    fail<format_error>(file, ": its tensors end at ", at, ", the file holds ", data_bytes, " bytes of data");
  return header;
}

}  // namespace SPEARSTORM_NS::io
