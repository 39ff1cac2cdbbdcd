#pragma once
// Arithmetic on sizes that may be dynamic, and the check that a run-time shape keeps what a type promises.

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::nn {

/// The product, dynamic where a factor is.
constexpr index times(index a, index b) { return a == dynamic || b == dynamic ? dynamic : a * b; }

/// The run-time size of what a type calls `fixed`.
/// @throws shape_error where the two contradict, value_error where the size is below 1
inline index resolve(std::string_view layer, std::string_view what, index fixed, index given) {
  if (fixed != dynamic && given != fixed) fail<shape_error>(layer, ": ", what, " = ", given, ", its type says ", fixed);
  if (given < 1) fail<value_error>(layer, ": ", what, " = ", given, ", expected 1 or more");
  return given;
}

}  // namespace SPEARSTORM_NS::nn
