#pragma once
// Lanes of a block, whose threads run one row program together: one source for a block of device threads (device_block.hpp) and for its
// twin of host threads (host_block.hpp). Positions are dealt out one by one, so that neighbouring threads read neighbours.

#include "spearstorm/backend/lanes.hpp"

namespace SPEARSTORM_NS::backend {

/// Every call ends with a barrier: what one thread stored in it, another may load behind it. Sums are put together in an order that the
/// number of threads decides, so they round differently from a single thread's.
/// @tparam Block for the calling thread: rank(), size(), barrier(), and shared<T>(), room for a T of each thread
template <class T, class Block>
struct block_lanes {
  using value = T;
  using pack = T;
  static constexpr index width = 1;
  using one = typename scalar_lanes<T>::one;

  template <class F>
  SPEARSTORM_HD static void each(index n, F const& f) {
    for (index i = Block::rank(); i < n; i += Block::size()) f(one{i});
    Block::barrier();
  }
  template <class F>
  SPEARSTORM_HD static void each_position(index n, F const& f) {
    for (index i = Block::rank(); i < n; i += Block::size()) f(i);
    Block::barrier();
  }
  template <class F>
  SPEARSTORM_HD static T sum(index n, F const& f) {
    T own{0};
    for (index i = Block::rank(); i < n; i += Block::size()) own += f(one{i});
    return join(own, [](T a, T b) { return a + b; });
  }
  template <class F>
  SPEARSTORM_HD static T max(index n, T least, F const& f) {
    for (index i = Block::rank(); i < n; i += Block::size()) {
      T const v = f(one{i});
      least = v > least ? v : least;
    }
    return join(least, [](T a, T b) { return b > a ? b : a; });
  }
  template <class F>
  SPEARSTORM_HD static void once(F const& f) {
    Block::barrier();
    if (Block::rank() == 0) f();
    Block::barrier();
  }

 private:
  /// The threads' numbers as a table of a few columns: one thread a column joins its rows, then every thread joins the columns.
  template <class Join>
  SPEARSTORM_HD static T join(T own, Join const& both) {
    T* const parts = Block::template shared<T>();
    index const rank = Block::rank(), size = Block::size(), columns = size < 16 ? size : 16;
    parts[rank] = own;
    Block::barrier();
    if (rank < columns) {
      for (index other = rank + columns; other < size; other += columns) own = both(own, parts[other]);
      parts[rank] = own;
    }
    Block::barrier();
    T all = parts[0];
    for (index column = 1; column < columns; ++column) all = both(all, parts[column]);
    Block::barrier();
    return all;
  }
};

}  // namespace SPEARSTORM_NS::backend
