#pragma once
// numpy's files through xtensor. Its reader believes the header, so size and type are checked before it allocates.

#include <algorithm>
#include <bit>
#include <charconv>
#include <sstream>

#include "spearstorm/io/input_file.hpp"
#include "spearstorm/io/xtensor.hpp"
#include "spearstorm/runtime/array.hpp"

namespace SPEARSTORM_NS::io {

namespace detail {

/// numpy's name of an element type, e.g. `<f4`.
template <class T>
std::string npy_type() {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) <= 8, "spearstorm: npy: the element type is no plain number");
  char const order = sizeof(T) == 1 ? '|' : std::endian::native == std::endian::little ? '<' : '>';
  char const kind = std::is_same_v<T, bool> ? 'b' : std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 'i' : 'u';
  return {order, kind, static_cast<char>('0' + sizeof(T))};
}

/// The dictionary that opens a npy file, blanks left out, and the position where the data starts.
struct npy_header {
  std::string text;
  std::uint64_t data = 0;
};
inline npy_header npy_header_of(std::string_view file, std::string const& where) {
  auto const byte = [&](std::size_t at) { return static_cast<std::uint64_t>(static_cast<unsigned char>(file[at])); };
  if (file.size() < 12 || !file.starts_with("\x93NUMPY")) fail<format_error>(where, " does not open as a npy file");
  bool const wide = byte(6) == 2;
  if ((byte(6) != 1 && !wide) || byte(7) != 0)
    fail<format_error>(where, " has npy version ", byte(6), ".", byte(7), ", expected 1.0 or 2.0");
  std::uint64_t const start = wide ? 12 : 10;
  std::uint64_t const length = byte(8) | byte(9) << 8 | (wide ? byte(10) << 16 | byte(11) << 24 : 0);
  if (length > file.size() - start) fail<format_error>(where, ": npy header of ", length, " bytes, the file holds ", file.size() - start);
  npy_header header{.text = std::string(file.substr(start, length)), .data = start + length};
  if (!header.text.ends_with('\n')) fail<format_error>(where, ": npy header does not end in a new line");
  std::erase_if(header.text, [](char c) { return c == ' '; });
  return header;
}

/// The numbers of `'shape':(2,3)`.
inline std::vector<index> npy_shape(std::string const& header, std::string const& where) {
  std::size_t const key = header.find("'shape':(");
  std::size_t const close = header.find(')', key);
  if (key == header.npos || close == header.npos) fail<format_error>(where, ": npy header has no shape");
  char const *at = header.data() + key + 9, *const end = header.data() + close;
  std::vector<index> shape;
  while (at != end) {
    index size = 0;
    auto const [next, bad] = std::from_chars(at, end, size);
    if (bad != std::errc{} || size < 0 || (next != end && *next != ','))
      fail<format_error>(where, ": npy shape (", std::string(header.data() + key + 9, end), ") is no list of sizes");
    shape.push_back(size);
    at = next == end ? end : next + 1;
  }
  return shape;
}

/// @throws format_error where type, number of axes or length differ from what T and Rank say
template <class T, index Rank>
sizes<Rank> check_npy(std::string_view file, std::string const& where) {
  npy_header const header = npy_header_of(file, where);
  if (header.text.find("'descr':'" + npy_type<T>() + "'") == header.text.npos)
    fail<format_error>(where, ": npy header ", header.text.substr(0, header.text.size() - 1), ", expected descr '", npy_type<T>(), "'");
  std::vector<index> const shape = npy_shape(header.text, where);
  if (static_cast<index>(shape.size()) != Rank) fail<shape_error>(where, " has ", shape.size(), " axes, expected ", Rank);
  sizes<Rank> extents{};
  index bytes = sizeof(T);
  for (std::size_t i = 0; i < extents.size(); ++i) {
    extents[i] = shape[i];
    if (__builtin_mul_overflow(bytes, shape[i], &bytes)) fail<format_error>(where, ": npy shape is too large");
  }
  if (static_cast<std::uint64_t>(bytes) != file.size() - header.data)
    fail<format_error>(where, " holds ", file.size() - header.data, " bytes of data, its shape says ", bytes);
  return extents;
}

}  // namespace detail

/// Writes `values` for numpy.load, row-major, whole or not at all.
/// @throws io_error where the system refuses
template <class T, axis_type... Axes>
void save_npy(std::filesystem::path const& path, array<T, Axes...> const& values) {
  std::vector<std::size_t> const shape(values.extents().begin(), values.extents().end());
  auto const view = xt::adapt(values.data(), static_cast<std::size_t>(values.size()), xt::no_ownership(), shape);
  std::string const file = xt::dump_npy(view);
  if (detail::check_npy<T, sizeof...(Axes)>(file, "save_npy: '" + path.string() + "'") != values.extents())
    fail<format_error>("save_npy: '", path.string(), "': the global locale groups digits, npy cannot be written under it");
  write_atomically(path, file);
}

/// Reads an array of exactly this element type; row- and column-major files both give row-major arrays.
/// @throws io_error where the system refuses, format_error for a broken file or another type, shape_error for other axes
template <class T, axis_type... Axes>
array<T, Axes...> load_npy(std::filesystem::path const& path) {
  std::string const where = "load_npy: '" + path.string() + "'";
  std::string const file = input_file(path).text(std::uint64_t{1} << 40);
  array<T, Axes...> values;
  sizes<sizeof...(Axes)> const extents = detail::check_npy<T, sizeof...(Axes)>(file, where);
  try {
    values = array<T, Axes...>(extents);
    std::istringstream stream(file);
    xt::xarray<T> const loaded = xt::load_npy<T>(stream);  // row-major by assignment
    if (static_cast<index>(loaded.size()) != values.size()) fail<format_error>(where, ": npy header is inconsistent");
    std::copy(loaded.begin(), loaded.end(), values.begin());
  } catch (shape_error const& wrong) {
    fail<shape_error>(where, ": ", wrong.what());
  } catch (error const&) {
    throw;
  } catch (std::runtime_error const& bad) {  // xtensor's
    fail<format_error>(where, ": ", bad.what());
  }
  return values;
}

}  // namespace SPEARSTORM_NS::io
