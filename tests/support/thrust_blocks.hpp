#pragma once
// The thrust policy with every row run by a block of host threads: what CUDA runs for long rows, where no GPU is.

#include "spearstorm/backend/thrust/host_block.hpp"
#include "spearstorm/backend/thrust/thrust.hpp"

namespace test {

namespace ss = spearstorm;

struct blocks_tag : ss::backend::thrust_tag {};
inline constexpr ss::index threads_of_block = 3;

template <class T, class Exec, class Program>
void each_row(blocks_tag, Exec& exec, ss::index rows, ss::index work_per_row, Program const& program) {
  if constexpr (ss::backend::one_thread_program<Program>)
    each_row<T>(ss::backend::thrust_tag{}, exec, rows, work_per_row, program);
  else
    ss::backend::host_block::each_row<T>(threads_of_block, rows, program);
}

template <class Precision = ss::f32>
struct thrust_blocks : ss::thrust_device<Precision> {
  using ss::thrust_device<Precision>::thrust_device;
  using tag = blocks_tag;
};

}  // namespace test
