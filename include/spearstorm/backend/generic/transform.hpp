#pragma once
// transform: one element-wise program over positions 0 ... n - 1. The generic form cuts the positions into rows of fixed
// length, so that a backend which only brings each_row vectorises and threads it as well.

#include "spearstorm/backend/generic/tag.hpp"
#include "spearstorm/backend/lanes.hpp"

namespace SPEARSTORM_NS::backend {

/// A row program made of an element-wise one: row r covers `cols` positions from r * cols on, the last row fewer.
template <class Elements>
struct elements_by_row {
  static constexpr bool one_thread = one_thread_program<Elements>;
  Elements elements;
  index n, cols;

  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes lanes, index row) const {
    index const first = row * cols;
    elements(lanes, first, first + cols < n ? cols : n - first);
  }
};

/// @param elements called as elements(lanes, first, count): the positions first ... first + count - 1
/// @param cols     where rows of positions end; elements sees parts that never cross such an end
template <class T, class Exec, class Elements>
void transform(generic_tag, Exec& exec, index n, index cols, Elements const& elements) {
  if (n == 0) return;
  each_row<T>(typename Exec::tag{}, exec, (n + cols - 1) / cols, cols, elements_by_row<Elements>{elements, n, cols});
}

}  // namespace SPEARSTORM_NS::backend
