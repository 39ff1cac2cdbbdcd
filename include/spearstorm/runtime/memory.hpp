#pragma once
// Where a policy's values live. Host memory is the default; the thrust backend brings device memory with the same four functions.

#include <cstdlib>
#include <cstring>
#include <new>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS {

/// Every allocation starts on a cache line, which is also the widest SIMD load.
inline constexpr std::size_t alignment = 64;

constexpr std::size_t aligned(std::size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

struct host_memory {
  static constexpr bool on_host = true;
  static void* allocate(std::size_t bytes) { return ::operator new(bytes, std::align_val_t{alignment}); }
  static void release(void* at) noexcept { ::operator delete(at, std::align_val_t{alignment}); }
  /// What has been released goes back to the system, as far as the C library can: it keeps blocks of up to 32 MB for itself.
  static void trim() noexcept {
#if defined(__GLIBC__)
    ::malloc_trim(0);
#endif
  }
  static void copy_in(void* to, void const* from, std::size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  static void copy_out(void* to, void const* from, std::size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  /// Within this memory; the ranges may overlap.
  static void move(void* to, void const* from, std::size_t bytes) {
    if (bytes > 0) std::memmove(to, from, bytes);
  }
};

}  // namespace SPEARSTORM_NS
