#pragma once
// Host memory that is used as a device's: the host copies in and out, nothing else, and each copy is counted.

#include "policies.hpp"

namespace test {

struct traffic {
  ss::index copies = 0, bytes = 0;
  void add(std::size_t of) { ++copies, bytes += static_cast<ss::index>(of); }
  friend traffic operator-(traffic a, traffic b) { return {a.copies - b.copies, a.bytes - b.bytes}; }
  friend bool operator==(traffic, traffic) = default;
};

struct far_memory : ss::host_memory {
  static constexpr bool on_host = false;
  inline static traffic in, out;

  static void copy_in(void* to, void const* from, std::size_t bytes) {
    in.add(bytes);
    ss::host_memory::copy_in(to, from, bytes);
  }
  static void copy_out(void* to, void const* from, std::size_t bytes) {
    out.add(bytes);
    ss::host_memory::copy_out(to, from, bytes);
  }
};

/// A policy with its values out of the host's reach.
template <class Exec>
struct far : Exec {
  using memory = far_memory;
  using Exec::Exec;
};

#if defined(SPEARSTORM_TEST_THRUST)
using near_device = ss::thrust_device<>;
#else
using near_device = ss::cpu::scalar<>;
#endif
using far_device = far<near_device>;  ///< near_device gives the same bits, but where a sum's order depends on where it is taken

}  // namespace test
