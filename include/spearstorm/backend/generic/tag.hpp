#pragma once
// The root of all backend tags. A backend derives its tag from this one and overloads the verbs that it does better;
// overload resolution picks the nearest, so a missing override falls through to the plain loops here.

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS::backend {

struct generic_tag {
  /// Whether products of T make rows of a factor where they pack them and go over rows of C that are whole: gemm_rows, gemm_by_rows.
  template <class T>
  static constexpr bool fuses_rows = false;
};

}  // namespace SPEARSTORM_NS::backend
