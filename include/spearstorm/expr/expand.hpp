#pragma once
// expand: an axis added by hand, for operands of which neither's axes are an ordered subset of the other's.
//
//   expand<frames>(x, 7)               (dim) -> (frames = 7, dim)          in front of all
//   expand<frames, dim>(x, 7)          (batch, dim) -> (batch, frames, dim)  in front of the named one
//   expand_last<dim>(x, 512)           (batch, frames) -> (batch, frames, dim)
//
// Nothing is copied: the node says how the leaf steps, the loop that stores the expression does the rest.

#include <tuple>

#include "spearstorm/expr/operators.hpp"

namespace SPEARSTORM_NS {

namespace expr {

/// The operand over one axis more, which stands at position `Place` of the result.
template <class Axis, std::size_t Place, class A>
struct expanded {
 private:
  template <std::size_t... Before, std::size_t... Behind, class... Axes>
  static auto insert(std::index_sequence<Before...>, std::index_sequence<Behind...>, axis_list<Axes...>) {
    using all = std::tuple<std::type_identity<Axes>...>;
    return axis_list<typename std::tuple_element_t<Before, all>::type..., Axis,
                     typename std::tuple_element_t<Place + Behind, all>::type...>{};
  }
  static constexpr std::size_t behind = static_cast<std::size_t>(A::axes_type::rank) - Place;

 public:
  using expression_tag = void;
  using axes_type = decltype(insert(std::make_index_sequence<Place>{}, std::make_index_sequence<behind>{}, typename A::axes_type{}));
  static constexpr index leaves = A::leaves, nodes = A::nodes;

  A a;
  index size;

  sizes<axes_type::rank> extents() const {
    auto const of = a.extents();
    sizes<axes_type::rank> made{};
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = i == Place ? size : of[i - (i > Place)];
    return made;
  }
  template <class Result, index At, class Loop>
  void enter(Loop& into) const {
    a.template enter<Result, At>(into);
  }
  template <index At, class Each>
  void visit_leaves(Each&& each) const {
    a.template visit_leaves<At>(each);
  }
  template <index At, class Value, class Pack, class Loop, class Position>
  SPEARSTORM_HD void load(Loop const& steps, index const* base, Position position, Pack* into) const {
    a.template load<At, Value>(steps, base, position, into);
  }
  template <index At, class Value, class Pack>
  SPEARSTORM_HD Pack value(Pack const* of) const {
    return a.template value<At, Value>(of);
  }

  template <class Pack>
  using trace = typename A::template trace<Pack>;
  template <index At, class Value, class Pack>
  SPEARSTORM_HD trace<Pack> follow(Pack const* of) const {
    return a.template follow<At, Value>(of);
  }
  template <index At, class Pack>
  SPEARSTORM_HD void pull(trace<Pack> const& t, Pack seed, Pack* gradients) const {
    a.template pull<At>(t, seed, gradients);
  }
};

/// Where an axis stands in a list; the list's length where it is missing.
template <class Axis, class... Axes>
constexpr std::size_t place_of(axis_list<Axes...>) {
  std::size_t at = 0;
  (void)((same_axis<Axis, Axes> || (++at, false)) || ...);
  return at;
}

template <class Axis, std::size_t Place, class X>
auto expand_at(X const& x, index size) {
  using of = typename node_of<X>::axes_type;
  static_assert(place_of<Axis>(of{}) == static_cast<std::size_t>(of::rank), "spearstorm: expand: the operand has this axis already");
  if (size < 0) fail<value_error>("expand: ", Axis::name, " = ", size, ", expected 0 or more");
  if (Axis::extent != dynamic) check_size("expand", "the size given", Axis::name, size, "its type", Axis::extent);
  return expanded<Axis, Place, node_of<X>>{as_node(x), size};
}

}  // namespace expr

/// The same values for each position of a new outermost axis.
/// @shape x (...)  returns (Axis = size, ...)
/// @throws value_error where the size is negative
template <template <index> class Axis, expression_like X>
auto expand(X const& x, index size) {
  return expr::expand_at<Axis<dynamic>, 0>(x, size);
}

/// The new axis stands in front of the axis `Before`.
/// @shape x (..., Before, ...)  returns (..., Axis = size, Before, ...)
template <template <index> class Axis, template <index> class Before, expression_like X>
auto expand(X const& x, index size) {
  using of = typename expr::node_of<X>::axes_type;
  constexpr std::size_t place = expr::place_of<Before<dynamic>>(of{});
  static_assert(place < static_cast<std::size_t>(of::rank),
                "spearstorm: expand: the operand lacks the axis that the new one is to stand before");
  return expr::expand_at<Axis<dynamic>, place>(x, size);
}

/// The new axis stands behind all others.
/// @shape x (...)  returns (..., Axis = size)
template <template <index> class Axis, expression_like X>
auto expand_last(X const& x, index size) {
  constexpr auto rank = static_cast<std::size_t>(expr::node_of<X>::axes_type::rank);
  return expr::expand_at<Axis<dynamic>, rank>(x, size);
}

}  // namespace SPEARSTORM_NS
