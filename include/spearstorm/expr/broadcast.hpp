#pragma once
// Broadcasting by axis name: two operands combine when one's axes are an ordered subset of the other's.

#include "spearstorm/core/tensor.hpp"

namespace SPEARSTORM_NS::expr {

namespace detail {

/// Walks along `Among` and ticks off the axes of `Of` in their order.
template <class... Of, class... Among>
constexpr bool ordered_subset(axis_list<Of...>, axis_list<Among...>) {
  constexpr std::size_t wanted = sizeof...(Of), there = sizeof...(Among);
  if constexpr (wanted == 0) {
    return true;
  } else if constexpr (wanted > there) {
    return false;
  } else {
    constexpr std::string_view of[] = {Of::name...}, among[] = {Among::name...};
    std::size_t found = 0;
    for (std::size_t at = 0; at < there && found < wanted; ++at) found += of[found] == among[at];
    return found == wanted;
  }
}

/// The static size of axis A in a list, dynamic where the list lacks it or leaves it open.
template <class A, class... Axes>
constexpr index extent_among(axis_list<Axes...>) {
  index extent = dynamic;
  ((same_axis<A, Axes> && Axes::extent != dynamic ? (void)(extent = Axes::extent) : (void)0), ...);
  return extent;
}

template <class A, class Other>
using merged_axis = typename A::template resized<(A::extent != dynamic ? A::extent : extent_among<A>(Other{}))>;

template <class... Large, class Small>
axis_list<merged_axis<Large, Small>...> merge(axis_list<Large...>, Small);

template <class... Large, class Small>
constexpr bool agree(axis_list<Large...>, Small) {
  return ((Large::extent == dynamic || extent_among<Large>(Small{}) == dynamic || Large::extent == extent_among<Large>(Small{})) && ...);
}

}  // namespace detail

/// Every axis of `Of` occurs in `Among`, in the same order.
template <class Of, class Among>
inline constexpr bool ordered_subset = detail::ordered_subset(Of{}, Among{});

template <class L, class R>
struct broadcast_axes {
  static constexpr bool left = ordered_subset<R, L>, right = ordered_subset<L, R>;
  static_assert(left || right, "spearstorm: one operand's axes must be an ordered subset of the other's; use expand<axis>(x)");
  using large = std::conditional_t<left, L, R>;
  using small = std::conditional_t<left, R, L>;
  static_assert(detail::agree(large{}, small{}), "spearstorm: the operands have different static sizes on an axis of the same name");
  using type = decltype(detail::merge(large{}, small{}));
};

/// The axes of the result of combining operands over L and R.
template <class L, class R>
using broadcast = typename broadcast_axes<L, R>::type;

/// Where each axis of `Of` stands in `Among`: a table of positions.
template <class... Of, class... Among>
constexpr std::array<std::size_t, sizeof...(Of) + 1> positions(axis_list<Of...>, axis_list<Among...>) {
  std::array<std::size_t, sizeof...(Of) + 1> table{};
  std::string_view const of[] = {Of::name..., ""}, among[] = {Among::name..., ""};
  for (std::size_t i = 0, at = 0; i + 1 < table.size(); ++i, ++at) {  // not < sizeof...: nvcc warns where it is 0
    while (of[i] != among[at]) ++at;
    table[i] = at;
  }
  return table;
}

template <class... Axes>
constexpr std::array<std::string_view, sizeof...(Axes) + 1> axis_names(axis_list<Axes...>) {
  return {Axes::name..., ""};
}

/// Writes an operand's sizes into those of the result; sizes start at `dynamic`.
/// @throws shape_error where two operands differ on an axis of the same name
template <class Operand, class Result>
void merge_sizes(sizes<Operand::rank> const& of, sizes<Result::rank>& into) {
  constexpr auto table = positions(Operand{}, Result{});
  for (std::size_t i = 0; i < of.size(); ++i) {
    index& size = into[table[i]];
    if (size != dynamic && size != of[i])
      fail<shape_error>("expression: operands ", to_string(Operand{}, of), " and ", to_string(Result{}, into), " differ in size on axis ",
                        axis_names(Operand{})[i]);
    size = of[i];
  }
}

}  // namespace SPEARSTORM_NS::expr
