#pragma once
// How far two results may differ, by element type and by what was computed. Tests name a row instead of a number.

#include <cmath>
#include <type_traits>

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS {

struct tolerance {
  double absolute;
  double relative;
};

enum class computed {
  element,      ///< one fused element-wise expression
  reduction,    ///< a sum of up to some thousand terms: gemm, norm, softmax, attention
  whole_model,  ///< a network's output, loss or gradient
  mixed_model,  ///< the same where products round their factors to bfloat16, against one that does not
  difference,   ///< a gradient against finite differences in double (step 1e-6)
};

template <class T>
constexpr tolerance tolerance_of(computed kind) {
  constexpr bool wide = std::is_same_v<T, double>;
  switch (kind) {
    case computed::element: return wide ? tolerance{1e-14, 1e-13} : tolerance{2e-7, 2e-6};
    case computed::reduction: return wide ? tolerance{1e-12, 1e-11} : tolerance{2e-6, 2e-5};
    case computed::whole_model: return wide ? tolerance{1e-10, 1e-9} : tolerance{1e-5, 1e-4};
    case computed::mixed_model: return {2e-2, 2e-2};
    case computed::difference: return {1e-5, 1e-3};
  }
  return {0, 0};
}

/// |found - expected| <= absolute + relative * |expected|; two equal infinities agree, NaN never does.
inline bool agree(double found, double expected, tolerance within) {
  return found == expected ||
         (std::isfinite(expected) && std::abs(found - expected) <= within.absolute + within.relative * std::abs(expected));
}

}  // namespace SPEARSTORM_NS
