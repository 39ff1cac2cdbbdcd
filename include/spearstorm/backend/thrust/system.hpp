#pragma once
// Which device system thrust works on: CUDA under nvcc, else a host system (the build names OMP or CPP; CPP where it does not).

#if !defined(__CUDACC__) && !defined(THRUST_DEVICE_SYSTEM)
#define THRUST_DEVICE_SYSTEM THRUST_DEVICE_SYSTEM_CPP
#endif
#include <thrust/execution_policy.h>

#include "spearstorm/backend/generic/tag.hpp"

#if defined(__CUDACC__) && THRUST_DEVICE_SYSTEM != THRUST_DEVICE_SYSTEM_CUDA
#error "spearstorm: thrust's host systems are built with the host compiler, not with nvcc"
#endif

namespace SPEARSTORM_NS::backend {

struct thrust_tag : generic_tag {};

/// Everything of one process goes to the default stream in the order of the calls; only copies to the host wait for it.
inline auto thrust_policy() {
#if defined(__CUDACC__)
  return thrust::cuda::par_nosync;
#else
  return thrust::device;
#endif
}

}  // namespace SPEARSTORM_NS::backend
