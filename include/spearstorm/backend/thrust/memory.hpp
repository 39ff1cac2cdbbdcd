#pragma once
// Where the thrust backend's values live: device memory under nvcc, host memory on the host systems.

#include "spearstorm/backend/thrust/move_parts.hpp"
#include "spearstorm/backend/thrust/system.hpp"
#include "spearstorm/core/error.hpp"
#include "spearstorm/runtime/memory.hpp"

#if defined(__CUDACC__)
#include <cuda_runtime_api.h>
#endif

namespace SPEARSTORM_NS {

/// The CUDA runtime or cuBLAS refused a call.
struct device_error : error {
  using error::error;
};

#if defined(__CUDACC__)

namespace detail {
/// @throws device_error with the function, what it was asked for, and CUDA's own words
template <class... Asked>
void check_cuda(cudaError_t status, char const* function, Asked const&... asked) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // taken, so that the next call is not blamed for it
  fail<device_error>(function, " ", asked..., ": ", cudaGetErrorString(status));
}
}  // namespace detail

struct device_memory {
  static constexpr bool on_host = false;
  static void* allocate(std::size_t bytes) {
    void* at = nullptr;
    detail::check_cuda(cudaMalloc(&at, bytes), "device_memory: allocating", bytes, " bytes");
    return at;
  }
  static void release(void* at) noexcept { cudaFree(at); }
  static void copy_in(void* to, void const* from, std::size_t bytes) {
    copy(to, from, bytes, cudaMemcpyHostToDevice, "device_memory: copying in");
  }
  static void copy_out(void* to, void const* from, std::size_t bytes) {
    copy(to, from, bytes, cudaMemcpyDeviceToHost, "device_memory: copying out");
  }
  /// Within this memory; the ranges may overlap.
  static void move(void* to, void const* from, std::size_t bytes) {
    backend::move_in_parts(
        static_cast<std::byte*>(to), static_cast<std::byte const*>(from), bytes, [](void* t, void const* f, std::size_t part) {
          detail::check_cuda(cudaMemcpyAsync(t, f, part, cudaMemcpyDeviceToDevice), "device_memory: moving", part, " bytes");
        });
  }

 private:
  static void copy(void* to, void const* from, std::size_t bytes, cudaMemcpyKind kind, char const* function) {
    if (bytes > 0) detail::check_cuda(cudaMemcpy(to, from, bytes, kind), function, bytes, " bytes");
  }
};

#else

using device_memory = host_memory;

#endif

}  // namespace SPEARSTORM_NS
