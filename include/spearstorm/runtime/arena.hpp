#pragma once
// Stack allocation: a pointer is bumped, a mark remembers it, a rewind forgets everything behind the mark.

#include <algorithm>
#include <vector>

#include "spearstorm/runtime/memory.hpp"

namespace SPEARSTORM_NS {

/// Blocks never move while in use: growth adds one. `coalesce` makes one block of all, so the next pass allocates nothing.
template <class Memory = host_memory>
class arena {
 public:
  struct mark {
    std::size_t block = 0, used = 0;
  };

  arena() = default;
  arena(arena const&) = delete;
  arena& operator=(arena const&) = delete;
  ~arena() { release(); }

  void* allocate(std::size_t bytes) {
    bytes = aligned(std::max<std::size_t>(bytes, 1));
    while (at_.block < blocks_.size() && blocks_[at_.block].size - at_.used < bytes) at_ = {at_.block + 1, 0};
    if (at_.block == blocks_.size()) grow(bytes);
    void* const place = blocks_[at_.block].data + at_.used;
    at_.used += bytes;
    high_water_ = std::max(high_water_, in_use());
    return place;
  }

  mark here() const { return at_; }
  void rewind(mark to) { at_ = to; }

  /// Bytes between the start and the current position (with what was left over at the end of full blocks).
  std::size_t in_use() const {
    std::size_t bytes = at_.used;
    for (std::size_t i = 0; i < at_.block; ++i) bytes += blocks_[i].size;
    return bytes;
  }
  std::size_t high_water() const { return high_water_; }
  std::size_t capacity() const {
    std::size_t bytes = 0;
    for (auto const& b : blocks_) bytes += b.size;
    return bytes;
  }

  /// One block as large as all of them together. Only when nothing is in use. Contexts call it as they end, so where memory
  /// refuses the one block there is none, and the next pass asks again.
  void coalesce() noexcept {
    if (blocks_.size() < 2) return;
    std::size_t const bytes = capacity();
    release();
    if constexpr (requires { Memory::trim(); }) Memory::trim();  // or the step's peak would stand on what the small blocks took
    try {
      grow(bytes);
    } catch (...) {
      blocks_.clear();
    }
  }

 private:
  struct block {
    std::byte* data;
    std::size_t size;
  };

  void grow(std::size_t bytes) {
    std::size_t const size = std::max({bytes, std::size_t{1} << 20, blocks_.empty() ? 0 : blocks_.back().size * 2});
    blocks_.reserve(blocks_.size() + 1);  // so that nothing can throw between allocating and owning
    blocks_.push_back({static_cast<std::byte*>(Memory::allocate(size)), size});
    at_ = {blocks_.size() - 1, 0};
  }
  void release() {
    for (auto const& b : blocks_) Memory::release(b.data);
    blocks_.clear();
    at_ = {};
  }

  std::vector<block> blocks_;
  mark at_;
  std::size_t high_water_ = 0;
};

}  // namespace SPEARSTORM_NS
