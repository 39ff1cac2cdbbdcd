#pragma once
// The largest numbers of a row without sorting it: floats as integers of the same order, counted in loops that compilers turn into SIMD.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "spearstorm/core/order.hpp"

namespace SPEARSTORM_NS::token::detail {

inline constexpr std::size_t row_block = 64;  ///< rows are padded to whole blocks, whose loops have a length known to the compiler

using spearstorm::from_ordered, spearstorm::ordered;

/// A row as ordered integers; the padding is below every number.
class ordered_row {
 public:
  explicit ordered_row(std::span<float const> row)
      : keys_((row.size() + row_block - 1) / row_block * row_block, std::numeric_limits<std::int32_t>::min()) {
    for (std::size_t v = 0; v < row.size(); ++v) keys_[v] = ordered(row[v]);
  }
  std::int32_t operator[](std::size_t v) const { return keys_[v]; }
  std::int32_t highest() const {
    std::int32_t most = keys_[0];
    for (std::int32_t key : keys_) most = std::max(most, key);
    return most;
  }
  /// How many are `least` or above it.
  index count_from(std::int32_t least) const {
    index all = 0;
    for (std::size_t first = 0; first < keys_.size(); first += row_block) {
      std::int32_t count = 0;
      for (std::size_t v = 0; v < row_block; ++v) count += keys_[first + v] >= least;
      all += count;
    }
    return all;
  }
  /// The k largest are those from `least` on, but of those equal to it only the first `of_least`.
  struct cut {
    std::int32_t least;
    index of_least;
  };
  /// @param k from 1 to the row's size
  cut largest(index k) const {
    std::int64_t const end = std::int64_t{highest()} + 1;
    std::int64_t low = std::numeric_limits<std::int32_t>::min(), high = end;  // k or more from low on, fewer from high on
    while (high - low > 1) {
      std::int64_t const middle = low + (high - low) / 2;
      index const found = count_from(static_cast<std::int32_t>(middle));
      if (found == k) return {static_cast<std::int32_t>(middle), k};
      (found > k ? low : high) = middle;
    }
    index const above = high == end ? 0 : count_from(static_cast<std::int32_t>(high));
    return {static_cast<std::int32_t>(low), k - above};
  }

 private:
  std::vector<std::int32_t> keys_;
};

}  // namespace SPEARSTORM_NS::token::detail
