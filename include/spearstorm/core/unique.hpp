#pragma once
// Process-wide numbers that are only ever compared for equality: names, not state. Not templates, so that every type shares them.

#include <atomic>

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS::detail {

/// The id of a parameter.
inline std::uint64_t next_parameter_id() {
  static std::atomic<std::uint64_t> ids{0};
  return ++ids;
}

/// The serial of a context or frame; 0 belongs to none.
inline std::uint32_t next_serial() {
  static std::atomic<std::uint32_t> serials{0};
  std::uint32_t serial = ++serials;
  while (serial == 0) serial = ++serials;
  return serial;
}

}  // namespace SPEARSTORM_NS::detail
