#pragma once
// Where a parameter of ours stands in the state_dict of a Python package: its key, which part of that tensor it is, and in what layout.

#include <algorithm>
#include <array>
#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS::io {

/// Where a parameter stands in the package's state_dict.
struct package_place {
  std::string key;
  index part = 0, parts = 1;   ///< which equal part of the tensor's first axis
  bool transposed = false;     ///< the last two axes are exchanged there
  std::vector<index> shape{};  ///< of the whole tensor there; empty: a single number
};

/// Our name and the package's for the start of a path; `part` of `parts` where several of ours make one tensor of theirs.
struct package_rename {
  std::string_view ours, theirs;
  index part = 0, parts = 1;
};

/// Puts `path` behind `prefix`, its start renamed as the first line of the table that fits says; false where none does.
inline bool rename_start(std::span<package_rename const> table, std::string_view path, std::string const& prefix, package_place& to) {
  for (auto const& r : table)
    if (path.starts_with(r.ours)) {
      to.key = prefix + std::string(r.theirs) + std::string(path.substr(r.ours.size()));
      to.part = r.part;
      to.parts = r.parts;
      return true;
    }
  return false;
}

/// Knows a package's keys: place_of(our path, our sizes), a format_error where the package has no such tensor.
template <class N>
concept package_naming = requires(N const& naming, std::string_view path, std::span<index const> shape) {
  { naming.place_of(path, shape) } -> std::same_as<package_place>;
};

namespace detail {

/// Exchanges the last two axes of (n, rows, cols).
template <class T, class U>
void transpose(index n, index rows, index cols, T const* from, U* to) {
  for (index i = 0; i < n; ++i)
    for (index r = 0; r < rows; ++r)
      for (index c = 0; c < cols; ++c) to[(i * cols + c) * rows + r] = static_cast<U>(from[(i * rows + r) * cols + c]);
}
/// Our last two sizes and what is before them.
inline std::array<index, 3> matrices(std::span<index const> shape) {
  index n = 1;
  for (std::size_t i = 0; i + 2 < shape.size(); ++i) n *= shape[i];
  return {n, shape[shape.size() - 2], shape[shape.size() - 1]};
}
inline std::string shape_text(std::span<index const> shape) {
  std::string text;
  for (index size : shape) text += (text.empty() ? "(" : ", ") + std::to_string(size);
  return text.empty() ? "()" : text + ")";
}
inline index element_count(std::span<index const> shape) {
  index total = 1;
  for (index size : shape) total *= size;
  return total;
}

/// Our numbers as they lie in their part of the tensor there.
/// @param shape our sizes
template <class T>
void lay_out(package_place const& place, std::span<index const> shape, T const* ours, T* part) {
  if (place.transposed) {
    auto const sizes = matrices(shape);
    return transpose(sizes[0], sizes[1], sizes[2], ours, part);
  }
  std::copy_n(ours, element_count(shape), part);
}
/// The way back, converted.
template <class T, class U>
void take_back(package_place const& place, std::span<index const> shape, T const* part, U* ours) {
  if (place.transposed) {
    auto const sizes = matrices(shape);
    return transpose(sizes[0], sizes[2], sizes[1], part, ours);
  }
  std::transform(part, part + element_count(shape), ours, [](T x) { return static_cast<U>(x); });
}

}  // namespace detail
}  // namespace SPEARSTORM_NS::io
