#pragma once
// Memory that a sweep has done with, for its next gradients: of any size, neighbours joined.

#include <cstddef>
#include <iterator>
#include <map>

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS::detail {

/// Ranges by address; none touches another.
class free_list {
 public:
  /// The smallest range that is large enough, its rest kept; null where there is none.
  void* take(std::size_t bytes) {
    auto best = ranges_.end();
    for (auto at = ranges_.begin(); at != ranges_.end(); ++at)
      if (at->second >= bytes && (best == ranges_.end() || at->second < best->second)) best = at;
    if (best == ranges_.end()) return nullptr;
    std::byte* const found = best->first;
    std::size_t const rest = best->second - bytes;
    ranges_.erase(best);
    if (rest > 0) ranges_.emplace(found + bytes, rest);
    return found;
  }

  void give(void* memory, std::size_t bytes) {
    auto* const first = static_cast<std::byte*>(memory);
    auto const after = ranges_.lower_bound(first);
    std::size_t size = bytes;
    if (after != ranges_.end() && first + bytes == after->first) {
      size += after->second;
      ranges_.erase(after);
    }
    auto const next = ranges_.lower_bound(first);
    if (next != ranges_.begin()) {
      auto const before = std::prev(next);
      if (before->first + before->second == first) {
        before->second += size;
        return;
      }
    }
    ranges_.emplace(first, size);
  }

  std::size_t ranges() const { return ranges_.size(); }

 private:
  std::map<std::byte*, std::size_t> ranges_;
};

}  // namespace SPEARSTORM_NS::detail
