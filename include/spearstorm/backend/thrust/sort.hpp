#pragma once
// argsort by thrust's stable sort (a radix sort on devices).

#include "spearstorm/backend/thrust/system.hpp"  // first: it chooses the system for what follows

#include <thrust/copy.h>
#include <thrust/sequence.h>
#include <thrust/sort.h>

namespace SPEARSTORM_NS::backend {

template <class Exec>
void argsort(thrust_tag, Exec&, index n, std::int32_t const* keys, std::int32_t* sorted, std::int32_t* order) {
  thrust::copy_n(thrust_policy(), keys, n, sorted);
  thrust::sequence(thrust_policy(), order, order + n);
  thrust::stable_sort_by_key(thrust_policy(), sorted, sorted + n, order);
}

}  // namespace SPEARSTORM_NS::backend
