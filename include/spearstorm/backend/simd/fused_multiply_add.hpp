#pragma once
// x * y + z with one rounding. xsimd 8.1 has no fma for AVX-512 and would multiply and add apart.

#include <xsimd/xsimd.hpp>

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS::backend::detail {

template <class Arch>
inline xsimd::batch<float, Arch> fused_multiply_add(xsimd::batch<float, Arch> const& x, xsimd::batch<float, Arch> const& y,
                                                    xsimd::batch<float, Arch> const& z) {
#if defined(__AVX512F__)
  if constexpr (std::is_base_of_v<xsimd::avx512f, Arch>)
    return _mm512_fmadd_ps(x, y, z);
  else
#endif
    return xsimd::fma(x, y, z);
}

}  // namespace SPEARSTORM_NS::backend::detail
