#pragma once
// A run of elements in a policy's memory.

#include <utility>

#include "spearstorm/runtime/memory.hpp"

namespace SPEARSTORM_NS {

/// Owned memory of a policy, not part of any arena. Moves, never copies by accident.
template <class T, class Memory = host_memory>
class buffer {
 public:
  buffer() = default;
  explicit buffer(index size) : data_(static_cast<T*>(Memory::allocate(static_cast<std::size_t>(size) * sizeof(T)))), size_(size) {}
  buffer(buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  buffer& operator=(buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~buffer() {
    if (data_) Memory::release(data_);
  }
  T* data() { return data_; }
  T const* data() const { return data_; }
  index size() const { return size_; }

 private:
  T* data_ = nullptr;
  index size_ = 0;
};

}  // namespace SPEARSTORM_NS
