#pragma once
// Where the thrust backend's values live: device memory under nvcc, host memory on the host systems.

#include <algorithm>
#include <limits>

#include "spearstorm/backend/thrust/move_parts.hpp"
#include "spearstorm/backend/thrust/stream.hpp"
#include "spearstorm/runtime/memory.hpp"

namespace SPEARSTORM_NS {

#if defined(__CUDACC__)

namespace detail {
/// CUDA's pool of the device keeps what is given back: by default it returns all of it to the system whenever the stream is waited for.
inline void keep_freed_memory() {
  static bool const told = [] {
    int device = 0;
    cudaMemPool_t pool = nullptr;
    auto all = std::numeric_limits<std::uint64_t>::max();
    check_cuda(cudaGetDevice(&device), "device_memory: asking for", "the device");
    check_cuda(cudaDeviceGetMemPool(&pool, device), "device_memory: asking for", "the memory pool of device ", device);
    check_cuda(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all), "device_memory: keeping", "freed memory");
    return true;
  }();
  static_cast<void>(told);
}
}  // namespace detail

/// Memory of CUDA's pool, taken and given back in the order of the stream: neither waits for the device, and what is given back serves
/// the next call while kernels that still read it are ahead of those that will write it.
struct device_memory {
  static constexpr bool on_host = false;
  static void* allocate(std::size_t bytes) {
    auto const stream = backend::thrust_stream();
    detail::keep_freed_memory();
    void* at = nullptr;
    std::size_t const asked = std::max<std::size_t>(bytes, 1);  // so that nothing has a place, too
    detail::check_cuda(cudaMallocAsync(&at, asked, stream), "device_memory: allocating", bytes, " bytes");
    return at;
  }
  static void release(void* at) noexcept { cudaFreeAsync(at, backend::thrust_stream()); }
  /// Waits for the stream: until then `from`, which may be page-locked memory, has to stay as it is.
  static void copy_in(void* to, void const* from, std::size_t bytes) {
    copy(to, from, bytes, cudaMemcpyHostToDevice, "device_memory: copying in");
  }
  static void copy_out(void* to, void const* from, std::size_t bytes) {
    copy(to, from, bytes, cudaMemcpyDeviceToHost, "device_memory: copying out");
  }
  /// Within this memory; the ranges may overlap.
  static void move(void* to, void const* from, std::size_t bytes) {
    auto const stream = backend::thrust_stream();
    backend::move_in_parts(
        static_cast<std::byte*>(to), static_cast<std::byte const*>(from), bytes, [stream](void* t, void const* f, std::size_t part) {
          detail::check_cuda(cudaMemcpyAsync(t, f, part, cudaMemcpyDeviceToDevice, stream), "device_memory: moving", part, " bytes");
        });
  }

 private:
  static void copy(void* to, void const* from, std::size_t bytes, cudaMemcpyKind kind, char const* function) {
    if (bytes == 0) return;
    auto const stream = backend::thrust_stream();
    detail::check_cuda(cudaMemcpyAsync(to, from, bytes, kind, stream), function, bytes, " bytes");
    detail::check_cuda(cudaStreamSynchronize(stream), function, bytes, " bytes");
  }
};

#else

using device_memory = host_memory;

#endif

}  // namespace SPEARSTORM_NS
