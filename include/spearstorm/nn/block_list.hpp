#pragma once
// Which blocks belong to which row of a cache: lists, reference counts, copy on write. Host numbers only; memory is the cache's.

#include <algorithm>
#include <span>
#include <vector>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::nn {

/// Blocks of a fixed number of frames, handed out to rows. Rows that were forked share blocks until one writes into them.
class block_list {
 public:
  explicit block_list(index block_frames) : block_frames_(block_frames) {
    check_range<index>("block_list", "block_frames", block_frames, 1, 1 << 20);
  }

  index rows() const { return static_cast<index>(rows_.size()); }
  index block_frames() const { return block_frames_; }
  index length(index row) const { return at(row).length; }
  std::vector<std::int32_t> const& blocks(index row) const { return at(row).blocks; }
  /// The number of blocks ever handed out at once: what memory is needed for.
  index high_water() const { return static_cast<index>(uses_.size()); }
  index in_use() const { return static_cast<index>(uses_.size() - free_.size()); }

  void add_rows_(index count) {
    check_range<index>("block_list: add_rows", "count", count, 0, 1 << 20);
    rows_.resize(rows_.size() + static_cast<std::size_t>(count));
  }
  /// Row i becomes what row parents[i] was; a row may be a parent of several, or of none, which frees its blocks.
  /// @throws value_error where a parent is no row
  void fork_(std::span<index const> parents) {
    for (index parent : parents) check_range<index>("block_list: fork", "a parent", parent, 0, rows() - 1);
    std::vector<row> made;
    for (index parent : parents) {
      row const& from = rows_[static_cast<std::size_t>(parent)];
      made.push_back(
          {from.length, {from.blocks.begin(), from.blocks.begin() + blocks_for(from.length)}});  // what was only reserved is not shared
      for (std::int32_t block : made.back().blocks) ++uses(block);
    }
    for (row const& old : rows_)
      for (std::int32_t block : old.blocks) release(block);
    rows_ = std::move(made);
  }
  /// Forgets a row's frames from `length` on.
  /// @throws value_error where length exceeds the row's
  void truncate_(index of, index length) {
    check_range<index>("block_list: truncate", "length", length, 0, at(of).length);
    row& r = rows_[static_cast<std::size_t>(of)];
    r.length = length;
    for (auto const kept = static_cast<std::size_t>(blocks_for(length)); r.blocks.size() > kept; r.blocks.pop_back())
      release(r.blocks.back());
  }
  /// Gives every row blocks of its own for `count` frames behind its last one.
  /// @param copy called with (from, to) where a shared block is to be written: `to` replaces it in the row
  template <class Copy>
  void reserve_(index count, Copy const& copy) {
    check_range<index>("block_list: reserve", "count", count, 0, 1 << 20);
    for (row& r : rows_) {
      auto const first = static_cast<std::size_t>(r.length / block_frames_), end = static_cast<std::size_t>(blocks_for(r.length + count));
      for (std::size_t i = first; i < std::min(end, r.blocks.size()); ++i)
        if (uses(r.blocks[i]) > 1) {
          std::int32_t const own = take();
          copy(r.blocks[i], own);
          release(r.blocks[i]);
          r.blocks[i] = own;
        }
      while (r.blocks.size() < end) r.blocks.push_back(take());
    }
  }
  /// Counts frames as written that were reserved.
  /// @throws value_error where they were not
  void advance_(index count) {
    for (row const& r : rows_)
      check_range<index>("block_list: advance", "count", count, 0, static_cast<index>(r.blocks.size()) * block_frames_ - r.length);
    for (row& r : rows_) r.length += count;
  }

 private:
  struct row {
    index length = 0;
    std::vector<std::int32_t> blocks{};
  };
  row const& at(index row) const {
    check_range<index>("block_list", "row", row, 0, rows() - 1);
    return rows_[static_cast<std::size_t>(row)];
  }
  index blocks_for(index frames) const { return (frames + block_frames_ - 1) / block_frames_; }
  std::int32_t& uses(std::int32_t block) { return uses_[static_cast<std::size_t>(block)]; }
  std::int32_t take() {
    if (free_.empty()) {
      uses_.push_back(1);
      return static_cast<std::int32_t>(uses_.size()) - 1;
    }
    std::int32_t const block = free_.back();
    free_.pop_back();
    uses(block) = 1;
    return block;
  }
  void release(std::int32_t block) {
    if (--uses(block) == 0) free_.push_back(block);
  }

  index block_frames_;
  std::vector<row> rows_;
  std::vector<std::int32_t> uses_;  // rows that hold each block
  std::vector<std::int32_t> free_;
};

}  // namespace SPEARSTORM_NS::nn
