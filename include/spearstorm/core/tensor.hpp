#pragma once
// The tensor handle: pointer, sizes, tape node, context serial. Passed by value, read-only, valid while its context lives.

#include <concepts>

#include "spearstorm/core/axes.hpp"
#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS {

/// Contiguous and row-major. `node` is 0 for what no gradient flows to; `serial` names the context or frame it belongs to.
template <class T, axis_type... Axes>
class tensor {
 public:
  using value_type = T;
  using axes_type = axis_list<Axes...>;
  static constexpr index rank = sizeof...(Axes);

  tensor() = default;
  SPEARSTORM_HD tensor(T const* data, sizes<rank> extents, std::uint32_t serial, std::uint32_t node = 0)
      : data_(data), extents_(extents), serial_(serial), node_(node) {}

  SPEARSTORM_HD T const* data() const { return data_; }
  sizes<rank> const& extents() const { return extents_; }
  index extent(index axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  index size() const { return product(extents_); }

  /// The size of the last axis, and the number of rows before it.
  index cols() const { return rank == 0 ? 1 : extents_[static_cast<std::size_t>(rank - (rank > 0))]; }
  index rows() const { return cols() == 0 ? 0 : size() / cols(); }

  std::uint32_t serial() const { return serial_; }
  std::uint32_t node() const { return node_; }

 private:
  T const* data_ = nullptr;
  sizes<rank> extents_{};
  std::uint32_t serial_ = 0;
  std::uint32_t node_ = 0;
};

/// The size of one axis by name: `extent_of<frames>(x)`.
template <template <index> class Axis, class T, axis_type... Axes>
index extent_of(tensor<T, Axes...> const& x) {
  static_assert((same_axis<Axis<dynamic>, Axes> || ...), "spearstorm: extent_of: the tensor has no such axis");
  index found = 0;
  std::size_t at = 0;
  ((same_axis<Axis<dynamic>, Axes> ? (void)(found = x.extents()[at++]) : (void)++at), ...);
  return found;
}

template <class X>
inline constexpr bool is_tensor = false;
template <class T, class... Axes>
inline constexpr bool is_tensor<tensor<T, Axes...>> = true;

template <class X>
concept tensor_like = is_tensor<std::remove_cvref_t<X>>;

/// A tensor, or an element-wise expression over tensors that a context can store.
template <class X>
concept expression_like = tensor_like<X> || requires { typename std::remove_cvref_t<X>::expression_tag; };

/// `tensor_of<batch<>, frames<>, width> auto x`: these axes in this order, sizes not contradicting at compile time.
template <class X, class... Axes>
concept tensor_of = expression_like<X> && axes_fit<typename std::remove_cvref_t<X>::axes_type, axis_list<Axes...>>;

/// Any axes, the last one fitting `Last`.
template <class X, class Last>
concept tensor_ending_in = expression_like<X> && axis_fits<last_axis<typename std::remove_cvref_t<X>::axes_type>, Last>;

namespace detail {
template <class T, class... Axes>
tensor<T, Axes...> tensor_with(axis_list<Axes...>);
}
/// The tensor type of an element type and a list of axes.
template <class T, class List>
using tensor_with = decltype(detail::tensor_with<T>(List{}));

/// The same values under other axes. Shares storage, and the tape node with it.
/// @throws shape_error where the number of elements differs or an extent contradicts a static size
template <axis_type... Axes, class T, axis_type... From>
tensor<T, Axes...> view(tensor<T, From...> const& x, sizes<sizeof...(Axes)> extents) {
  if (product(extents) != x.size())
    fail<shape_error>("view: ", to_string(axis_list<From...>{}, x.extents()), " cannot be seen as ",
                      to_string(axis_list<Axes...>{}, extents));
  std::size_t at = 0;
  [[maybe_unused]] auto const check = [&](std::string_view name, index fixed) {
    if (fixed != dynamic) check_size("view", "the result", name, extents[at], "its type", fixed);
    ++at;
  };
  (check(Axes::name, Axes::extent), ...);
  return {x.data(), extents, x.serial(), x.node()};
}

/// The same sizes under other axes of the same number: renames, or forgets or asserts static sizes.
template <axis_type... Axes, class T, axis_type... From>
  requires(sizeof...(Axes) == sizeof...(From))
tensor<T, Axes...> view(tensor<T, From...> const& x) {
  return view<Axes...>(x, x.extents());
}

}  // namespace SPEARSTORM_NS
