#pragma once
// Scalar mathematics as one overload set, so that code inside the library may write exp(x) or max(a, b) for scalars,
// SIMD batches (found by argument-dependent lookup) and expressions alike.

#include <stdlib.h>

#include <type_traits>

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS {

using ::abs;
using ::cos;
using ::erf;
using ::exp;
using ::floor;
using ::log;
using ::log1p;
using ::sin;
using ::sqrt;
using ::tanh;

template <class T>
  requires std::is_arithmetic_v<T>
SPEARSTORM_HD constexpr T max(T a, T b) {
  return a > b ? a : b;
}
template <class T>
  requires std::is_arithmetic_v<T>
SPEARSTORM_HD constexpr T min(T a, T b) {
  return a < b ? a : b;
}
/// a where the condition holds, else b; batches have their own, lane by lane.
template <class T>
  requires std::is_arithmetic_v<T>
SPEARSTORM_HD constexpr T select(bool condition, T yes, T no) {
  return condition ? yes : no;
}

}  // namespace SPEARSTORM_NS
