#pragma once
// each_row and transform on thrust. A long row is a block's work under CUDA, a short one a thread's; an element is a thread's. The host
// systems run the source of the latter two, host_block.hpp that of the first.

#include "spearstorm/backend/thrust/system.hpp"  // first: it chooses the system for what follows

#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>

#include "spearstorm/backend/generic/transform.hpp"
#include "spearstorm/backend/thrust/device_block.hpp"

namespace SPEARSTORM_NS::backend {

inline constexpr index block_work = 128;  // elements of a row from which on a block shares it: one for each of its threads

namespace detail {
template <class T, class Program>
struct thrust_row {
  Program program;
  SPEARSTORM_HD void operator()(index row) const { program(scalar_lanes<T>{}, row); }
};

template <class T, class Elements>
struct thrust_element {
  Elements elements;
  SPEARSTORM_HD void operator()(index i) const { elements(scalar_lanes<T>{}, i, index{1}); }
};
}  // namespace detail

template <class T, class Exec, class Program>
void each_row(thrust_tag, Exec&, index rows, [[maybe_unused]] index work_per_row, Program const& program) {
#if defined(__CUDACC__)
  if constexpr (!one_thread_program<Program>)
    if (work_per_row >= block_work) return each_row_by_blocks<T>(rows, program);
#endif
  thrust::for_each_n(thrust_policy(), thrust::counting_iterator<index>(0), rows, detail::thrust_row<T, Program>{program});
}

template <class T, class Exec, class Elements>
void transform(thrust_tag, Exec&, index n, index /*cols*/, Elements const& elements) {
  thrust::for_each_n(thrust_policy(), thrust::counting_iterator<index>(0), n, detail::thrust_element<T, Elements>{elements});
}

}  // namespace SPEARSTORM_NS::backend
