#pragma once
// cpu::simd: xsimd for element-wise and row-wise work, our kernels and Eigen for products, our thread team for both.

#include "spearstorm/backend/simd/each_row.hpp"
#include "spearstorm/backend/simd/gemm.hpp"
#include "spearstorm/backend/verbs.hpp"
#include "spearstorm/core/dtype.hpp"

namespace SPEARSTORM_NS::cpu {

/// The widest instruction set that the compiler was told of. Lanes hold floats and doubles, to which AVX-512BW and what
/// follows it add nothing over AVX-512DQ; and xsimd 8.1's select of integers for BW does not compile at -O0 under g++.
using native = std::conditional_t<std::is_base_of_v<xsimd::avx512dq, xsimd::default_arch>, xsimd::avx512dq, xsimd::default_arch>;

template <class Precision = f32, class Arch = native>
struct simd {
  using precision = Precision;
  using value_type = typename Precision::value_type;
  using param_type = typename Precision::param_type;
  using accum_type = typename Precision::accum_type;
  using memory = host_memory;
  using tag = backend::simd_tag<Arch>;

  explicit simd(thread_team& with) : team(&with) {}
  thread_team* team;
  backend::packed_weights packs;
};

}  // namespace SPEARSTORM_NS::cpu
