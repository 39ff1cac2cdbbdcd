#pragma once
// Memory of a thread that is used again and again.

#include "spearstorm/runtime/buffer.hpp"

namespace SPEARSTORM_NS {

/// At least `size` elements, the same ones until more are asked for; each Use has its own. What they hold is not kept when they grow.
template <class Use, class T>
T* thread_space(index size) {
  thread_local buffer<T> space;
  if (space.size() < size) space = {}, space = buffer<T>(size);
  return space.data();
}

}  // namespace SPEARSTORM_NS
