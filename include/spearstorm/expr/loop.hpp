#pragma once
// The loop behind one expression: rows and columns of the result, and how each leaf steps along the result's axes.

#include "spearstorm/expr/broadcast.hpp"

namespace SPEARSTORM_NS::expr {

inline constexpr index max_rank = 6;
inline constexpr index span = 2048;  // positions a row where no leaf broadcasts

/// Strides are in elements, 0 on axes that the leaf lacks. A device kernel takes this by value.
template <index Leaves>
struct loop {
  index size = 0;              ///< elements of the result
  index cols = 0;              ///< elements of a row; rows never cross multiples of it
  index outer_rank = 0;        ///< axes before the last, in order
  index outer[max_rank] = {};  ///< their sizes
  index stride[Leaves == 0 ? 1 : Leaves][max_rank] = {};
  bool along[Leaves == 0 ? 1 : Leaves] = {};  ///< the leaf varies within a row
  bool flat = true;                           ///< no leaf broadcasts: every leaf is indexed as the result is

  /// Where leaf `at` starts for the row of the result that holds position `first`.
  SPEARSTORM_HD index offset(index at, index first) const {
    if (flat) return first;
    index row = first / cols, from = along[at] ? first - row * cols : 0;
    for (index axis = outer_rank - 1; axis >= 0; --axis) {
      from += row % outer[axis] * stride[at][axis];
      row /= outer[axis];
    }
    return from;
  }
  /// Two leaves are stepped through alike; views of one tensor may not be.
  bool alike(index a, index b) const {
    bool same = flat || along[a] == along[b];
    for (index axis = 0; axis < outer_rank; ++axis) same = same && (flat || stride[a][axis] == stride[b][axis]);
    return same;
  }
};

/// Enters leaf `at` with axes `Leaf` into the loop of a result with axes `Result`.
template <class Leaf, class Result, index Leaves>
void enter_leaf(loop<Leaves>& into, index at, sizes<Leaf::rank> const& of) {
  static_assert(Result::rank <= max_rank, "spearstorm: expression: more axes than expr::max_rank");
  if constexpr (Leaf::rank == Result::rank) {
    for (index axis = into.outer_rank - 1, step = into.cols; axis >= 0; --axis) {
      into.stride[at][axis] = step;
      step *= into.outer[axis];
    }
    into.along[at] = true;
  } else {
    into.flat = false;
    constexpr auto table = positions(Leaf{}, Result{});
    index step = 1;
    for (std::size_t i = of.size(); i-- > 0;) {
      auto const axis = static_cast<index>(table[i]);
      if (axis == Result::rank - 1)
        into.along[at] = true;
      else
        into.stride[at][axis] = step;
      step *= of[i];
    }
  }
}

template <class Result, index Leaves>
loop<Leaves> loop_over(sizes<Result::rank> const& extents) {
  loop<Leaves> made;
  made.size = product(extents);
  made.outer_rank = Result::rank == 0 ? 0 : Result::rank - 1;
  for (index axis = 0; axis < made.outer_rank; ++axis) made.outer[axis] = extents[static_cast<std::size_t>(axis)];
  made.cols = Result::rank == 0 ? 1 : extents[static_cast<std::size_t>(Result::rank - 1)];
  return made;
}

}  // namespace SPEARSTORM_NS::expr
