#pragma once
// Overlapping moves on top of a copy that must not overlap.

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS::backend {

/// Calls copy(to, from, bytes) on parts that each fit between source and destination, in the order in which no part
/// overwrites what is still to be read.
template <class Copy>
void move_in_parts(std::byte* to, std::byte const* from, std::size_t bytes, Copy const& copy) {
  auto const up = reinterpret_cast<std::uintptr_t>(to), low = reinterpret_cast<std::uintptr_t>(from);
  std::size_t const apart = up > low ? up - low : low - up;
  if (apart == 0 || bytes == 0) return;
  for (std::size_t done = 0; done < bytes;) {
    std::size_t const part = bytes - done < apart ? bytes - done : apart;
    std::size_t const at = up < low ? done : bytes - done - part;  // downwards from the front, upwards from the back
    copy(to + at, from + at, part);
    done += part;
  }
}

}  // namespace SPEARSTORM_NS::backend
