#pragma once
// Arrays as text: element type, axes, values; the middle of long axes is left out.

#include <iomanip>
#include <ostream>

#include "spearstorm/core/dtype.hpp"
#include "spearstorm/runtime/array.hpp"

namespace SPEARSTORM_NS {

struct print_options {
  int precision = 4;   ///< significant digits of floating values
  index whole = 1000;  ///< arrays of more elements are shortened
  index edge = 3;      ///< positions kept at each end of a shortened axis
};

namespace detail {

template <class T>
std::string number_text(T value, int precision) {
  std::ostringstream text;
  text << std::setprecision(precision);
  if constexpr (std::is_integral_v<T>)
    text << +value;  // a byte is a number here, not a letter
  else
    text << static_cast<double>(value);
  return text.str();
}

/// The positions of an axis that are shown; `dynamic` stands for those left out.
inline std::vector<index> shown_positions(index size, bool shorten, index edge) {
  std::vector<index> at;
  for (index i = 0; i < size; ++i)
    if (!shorten || size <= 2 * edge || i < edge || i >= size - edge)
      at.push_back(i);
    else if (at.back() != dynamic)
      at.push_back(dynamic);
  return at;
}

/// Calls value(element) for each element that is shown and mark(text) for what stands between them.
template <class Value, class Mark>
void walk(std::span<index const> extents, std::span<index const> all, index offset, bool shorten, index edge, Value const& value,
          Mark const& mark) {
  if (extents.empty()) return value(offset);
  mark("[");
  bool first = true;
  for (index i : shown_positions(extents.front(), shorten, edge)) {
    if (!first) mark(extents.size() == 1 ? ", " : ",\n" + std::string(all.size() - extents.size() + 1, ' '));
    first = false;
    if (i == dynamic)
      mark("...");
    else
      walk(extents.subspan(1), all, offset * extents.front() + i, shorten, edge, value, mark);
  }
  mark("]");
}

}  // namespace detail

/// `F32 (rows = 2, dim = 3)` and below it the values, right-aligned.
template <class T, axis_type... Axes>
std::string to_string(array<T, Axes...> const& x, print_options options = {}) {
  bool const shorten = x.size() > options.whole;
  std::span<index const> const extents(x.extents().data(), x.extents().size());
  std::size_t width = 0;
  auto const text_of = [&](index at) { return detail::number_text(x.data()[at], options.precision); };
  detail::walk(
      extents, extents, 0, shorten, options.edge, [&](index at) { width = std::max(width, text_of(at).size()); }, [](auto const&) {});
  std::string text = std::string(dtype_name<T>) + " " + to_string(axis_list<Axes...>{}, x.extents()) + "\n";
  auto const value = [&](index at) {
    std::string const number = text_of(at);
    text += std::string(width - number.size(), ' ') + number;
  };
  detail::walk(extents, extents, 0, shorten, options.edge, value, [&](auto const& mark) { text += mark; });
  return text;
}

template <class T, axis_type... Axes>
std::ostream& operator<<(std::ostream& to, array<T, Axes...> const& x) {
  return to << to_string(x);
}

/// A tensor or expression of a context, copied to the host to be read: `std::cout << to_string(ctx, x)`.
template <class Ctx, class X>
  requires requires(Ctx& ctx, X const& x) { ctx.download(x); }
std::string to_string(Ctx& ctx, X const& x, print_options options = {}) {
  return to_string(ctx.download(x), options);
}

}  // namespace SPEARSTORM_NS
