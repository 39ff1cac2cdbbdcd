#pragma once
// Which device system thrust works on: CUDA under nvcc, else a host system (the build names OMP or CPP; CPP where it does not).

#if !defined(__CUDACC__) && !defined(THRUST_DEVICE_SYSTEM)
#define THRUST_DEVICE_SYSTEM THRUST_DEVICE_SYSTEM_CPP
#endif
#include <thrust/execution_policy.h>

#include "spearstorm/backend/generic/tag.hpp"
#include "spearstorm/backend/thrust/memory.hpp"

#if defined(__CUDACC__) && THRUST_DEVICE_SYSTEM != THRUST_DEVICE_SYSTEM_CUDA
#error "spearstorm: thrust's host systems are built with the host compiler, not with nvcc"
#endif

namespace SPEARSTORM_NS::backend {

struct thrust_tag : generic_tag {};

#if defined(__CUDACC__)

/// What thrust's algorithms need for themselves, from the same pool: its own cudaMalloc and cudaFree would wait for the device.
struct temporary_memory {
  using value_type = char;
  char* allocate(std::ptrdiff_t bytes) { return static_cast<char*>(device_memory::allocate(static_cast<std::size_t>(bytes))); }
  void deallocate(char* at, std::size_t) noexcept { device_memory::release(at); }
};

/// Calls return at once; their work is done in their order, and only copies to and from the host wait for it.
inline auto thrust_policy() {
  static temporary_memory memory;
  return thrust::cuda::par_nosync(memory).on(thrust_stream());
}

#else

inline auto thrust_policy() { return thrust::device; }

#endif

}  // namespace SPEARSTORM_NS::backend
