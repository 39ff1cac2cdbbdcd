#pragma once
// The policies that this build can run. A new backend is tested by being listed here.

#include <type_traits>

#include "spearstorm/backend/scalar.hpp"
#if defined(SPEARSTORM_HAVE_EIGEN) && defined(SPEARSTORM_HAVE_XSIMD)
#include "spearstorm/backend/simd/simd.hpp"
#endif
#if defined(SPEARSTORM_HAVE_THRUST) && __has_include("spearstorm/backend/thrust/thrust.hpp")
#include "spearstorm/backend/thrust/thrust.hpp"
#define SPEARSTORM_TEST_THRUST 1
#endif

namespace test {

namespace ss = spearstorm;

/// Calls f(std::type_identity<Policy>{}, name) for each policy of a precision.
template <class Precision, class F>
void for_each_policy(F&& f) {
  f(std::type_identity<ss::cpu::scalar<Precision>>{}, "scalar");
#if defined(SPEARSTORM_HAVE_EIGEN) && defined(SPEARSTORM_HAVE_XSIMD)
  f(std::type_identity<ss::cpu::simd<Precision>>{}, "simd");
#endif
#if defined(SPEARSTORM_TEST_THRUST)
  f(std::type_identity<ss::thrust_device<Precision>>{}, "thrust");
#endif
}

#if defined(SPEARSTORM_HAVE_EIGEN) && defined(SPEARSTORM_HAVE_XSIMD)
using fastest = ss::cpu::simd<ss::f32>;  ///< for tests of what does not depend on the policy
#else
using fastest = ss::cpu::scalar<ss::f32>;
#endif

}  // namespace test
