#pragma once
// Anomaly mode's check: the first value that is not finite, named with the op that made it.

#include <cmath>
#include <vector>

#include "spearstorm/runtime/workspace.hpp"

namespace SPEARSTORM_NS::detail {

/// @throws numeric_error `anomaly: layer_norm made nan at element 3 of 16`
template <class Exec, class T>
void check_finite(char const* where, char const* op, T const* data, index n) {
  std::vector<T> host(static_cast<std::size_t>(n));
  Exec::memory::copy_out(host.data(), data, host.size() * sizeof(T));
  for (std::size_t i = 0; i < host.size(); ++i)
    if (!std::isfinite(host[i])) fail<numeric_error>("anomaly: ", where, op, " made ", host[i], " at element ", i, " of ", n);
}

}  // namespace SPEARSTORM_NS::detail
