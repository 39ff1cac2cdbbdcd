#pragma once
// each_row on SIMD lanes under the thread team. The number of rows in a task depends on their work alone.

#include <algorithm>

#include "spearstorm/backend/generic/tag.hpp"
#include "spearstorm/backend/simd/lanes.hpp"

namespace SPEARSTORM_NS::backend {

template <class Arch>
struct simd_tag : generic_tag {
  template <class T>
  static constexpr bool fuses_rows = std::is_same_v<T, float>;
};

inline constexpr index task_elements = 16384;  // some microseconds of work: well above the cost of handing a task out

template <class T, class Arch, class Exec, class Program>
void each_row(simd_tag<Arch>, Exec& exec, index rows, index work_per_row, Program const& program) {
  index const per_task = std::max<index>(1, task_elements / std::max<index>(1, work_per_row));
  exec.team->run((rows + per_task - 1) / per_task, [&](index task) {
    index const end = std::min(rows, (task + 1) * per_task);
    for (index row = task * per_task; row < end; ++row) program(simd_lanes<T, Arch>{}, row);
  });
}

template <class Arch, class Exec, class F>
void each_item(simd_tag<Arch>, Exec& exec, index items, F const& f) {
  exec.team->run(items, [&](index item) { f(item, index{1}); });
}

}  // namespace SPEARSTORM_NS::backend
