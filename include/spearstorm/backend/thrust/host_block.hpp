#pragma once
// The host twin of a block of CUDA threads: a few real threads that run one row program together, so that block_lanes.hpp is tested, and
// looked at by a thread sanitizer, where no GPU is.

#include <barrier>
#include <thread>
#include <vector>

#include "spearstorm/backend/thrust/block_lanes.hpp"

namespace SPEARSTORM_NS::backend {

class host_block {
 public:
  static index rank() { return own_rank; }
  static index size() { return own->threads_; }
  static void barrier() { own->gate_.arrive_and_wait(); }
  template <class T>
  static T* shared() {
    static_assert(sizeof(T) <= most_bytes, "spearstorm: host_block: threads share numbers of up to eight bytes");
    return reinterpret_cast<T*>(own->parts_.data());
  }

  /// program(lanes, row) for each row, by a block of `threads`.
  template <class T, class Program>
  static void each_row(index threads, index rows, Program const& program) {
    host_block block(threads);
    auto const work = [&](index rank) {
      own = &block;
      own_rank = rank;
      for (index row = 0; row < rows; ++row) program(block_lanes<T, host_block>{}, row);
    };
    std::vector<std::thread> others;
    for (index rank = 1; rank < threads; ++rank) others.emplace_back(work, rank);
    work(0);
    for (auto& other : others) other.join();
  }

 private:
  static constexpr std::size_t most_bytes = 8;  // of a thread's number

  explicit host_block(index threads) : threads_(threads), gate_(threads), parts_(static_cast<std::size_t>(threads) * most_bytes) {}

  index threads_;
  std::barrier<> gate_;
  std::vector<std::byte> parts_;

  inline static thread_local host_block* own = nullptr;
  inline static thread_local index own_rank = 0;
};

}  // namespace SPEARSTORM_NS::backend
