#pragma once
// What follows a product while its rows are still in the cache.

#include <atomic>
#include <memory>

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS::backend {

/// `part` is called with (row, first column, columns) of what is complete, `whole` with a row of which nothing is missing; each for every
/// row, by any thread. Either may be null.
struct tile_finish {
  void (*part)(void const* body, index row, index first, index count) = nullptr;
  void (*whole)(void const* body, index row) = nullptr;
  void const* body = nullptr;
};

namespace detail {

/// Counts the tiles of each stripe of rows: who brings the last one calls `whole` for its rows.
class whole_rows {
 public:
  whole_rows(tile_finish const& finish, index stripes, index across)
      : finish_(&finish), across_(across), done_(finish.whole && across > 1 ? new std::atomic<index>[stripes] {} : nullptr) {}

  void tile(index stripe, index row, index rows) {
    if (!finish_->whole) return;
    if (done_ && done_[static_cast<std::size_t>(stripe)].fetch_add(1, std::memory_order_acq_rel) + 1 < across_) return;
    for (index r = 0; r < rows; ++r) finish_->whole(finish_->body, row + r);
  }

 private:
  tile_finish const* finish_;
  index across_;
  std::unique_ptr<std::atomic<index>[]> done_;
};

}  // namespace detail

}  // namespace SPEARSTORM_NS::backend
