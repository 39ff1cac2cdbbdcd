#pragma once
// argsort: the stable order of integer keys. On it stands every deterministic scatter.

#include <algorithm>
#include <numeric>

#include "spearstorm/backend/generic/tag.hpp"

namespace SPEARSTORM_NS::backend {

/// order becomes the permutation that sorts keys ascending, equal keys in their first order; sorted the keys in that order.
template <class Exec>
void argsort(generic_tag, Exec&, index n, std::int32_t const* keys, std::int32_t* sorted, std::int32_t* order) {
  std::iota(order, order + n, std::int32_t{0});
  std::stable_sort(order, order + n, [&](std::int32_t a, std::int32_t b) { return keys[a] < keys[b]; });
  for (index i = 0; i < n; ++i) sorted[i] = keys[order[i]];
}

}  // namespace SPEARSTORM_NS::backend
