#pragma once
// cpu::scalar: the policy without overrides. Plain loops on one thread, the reference in every test.

#include "spearstorm/backend/verbs.hpp"
#include "spearstorm/core/dtype.hpp"

namespace SPEARSTORM_NS::cpu {

template <class Precision = f32>
struct scalar {
  using precision = Precision;
  using value_type = typename Precision::value_type;
  using param_type = typename Precision::param_type;
  using accum_type = typename Precision::accum_type;
  using memory = host_memory;
  using tag = backend::generic_tag;

  explicit scalar(thread_team& with) : team(&with) {}
  thread_team* team;
};

}  // namespace SPEARSTORM_NS::cpu
