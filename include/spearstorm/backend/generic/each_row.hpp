#pragma once
// each_row: a row program is called once per row. The generic form is a loop over rows with scalar lanes.

#include "spearstorm/backend/generic/tag.hpp"
#include "spearstorm/backend/lanes.hpp"

namespace SPEARSTORM_NS::backend {

template <class T, class Exec, class Program>
void each_row(generic_tag, Exec&, index rows, index /*work_per_row*/, Program const& program) {
  for (index row = 0; row < rows; ++row) program(scalar_lanes<T>{}, row);
}

template <class Exec, class F>
void each_item(generic_tag, Exec&, index items, F const& f) {
  f(index{0}, items);
}

}  // namespace SPEARSTORM_NS::backend
