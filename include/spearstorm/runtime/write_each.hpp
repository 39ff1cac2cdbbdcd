#pragma once
// Values made on the host for a policy's memory, a piece at a time: what may be large has no second copy.

#include <algorithm>
#include <vector>

#include "spearstorm/runtime/memory.hpp"

namespace SPEARSTORM_NS {

/// value(i) at each of n places.
template <class Memory, class T, class F>
void write_each(T* to, index n, F const& value) {
  index constexpr piece = 16384;
  std::vector<T> host(static_cast<std::size_t>(std::clamp<index>(n, 0, piece)));
  for (index first = 0; first < n; first += piece) {
    auto const count = static_cast<std::size_t>(std::min(piece, n - first));
    for (std::size_t i = 0; i < count; ++i) host[i] = value(first + static_cast<index>(i));
    Memory::copy_in(to + first, host.data(), count * sizeof(T));
  }
}

}  // namespace SPEARSTORM_NS
