#pragma once
// The nearest row of a codebook.

#include <limits>
#include <span>
#include <vector>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::codec {

/// A codebook laid out for search: tiles of eight codes, so that the inner loop runs over neighbours in memory.
/// Const, so that threads may share it; a row's answer does not depend on the rows beside it.
/// @math argmin over c of |x - c|^2 = argmin of |c|^2 / 2 - x . c; the lowest id among equals
/// @cost 2 * codes * dim operations a row
class nearest_code {
 public:
  /// @shape codes (codes, dim)
  nearest_code(std::span<float const> codes, index dim) : dim_(static_cast<std::size_t>(dim)) {
    check_range<index>("nearest_code", "dim", dim, 1, index{1} << 24);
    check_size("nearest_code", "codes", "size modulo dim", static_cast<index>(codes.size()) % dim, "codebook", 0);
    std::size_t const count = codes.size() / dim_, tiles = (count + wide - 1) / wide;
    check_range<index>("nearest_code", "codes", static_cast<index>(count), 1, index{1} << 30);
    values_.assign(tiles * dim_ * wide, 0.0f);
    half_norms_.assign(tiles * wide, std::numeric_limits<float>::infinity());  // a code that fills up a tile is never nearest
    for (std::size_t c = 0; c < count; ++c) {
      float sum = 0;
      for (std::size_t d = 0; d < dim_; ++d) {
        float const value = codes[c * dim_ + d];
        values_[(c / wide * dim_ + d) * wide + c % wide] = value;
        sum += value * value;
      }
      half_norms_[c] = 0.5f * sum;
    }
  }

  /// @shape rows (n, dim)  ids (n)
  void operator()(std::span<float const> rows, std::span<std::int32_t> ids) const {
    check_size("nearest_code", "rows", "size", static_cast<index>(rows.size()), "ids", static_cast<index>(ids.size() * dim_));
    std::size_t at = 0;
    for (; at + high <= ids.size(); at += high) search(rows.data() + at * dim_, ids.data() + at);
    if (at < ids.size()) {  // the last rows, filled up to a block
      std::vector<float> block(high * dim_);
      std::int32_t found[high];
      std::copy(rows.begin() + static_cast<index>(at * dim_), rows.end(), block.begin());
      search(block.data(), found);
      std::copy(found, found + (ids.size() - at), ids.begin() + static_cast<index>(at));
    }
  }

 private:
  static constexpr std::size_t wide = 8, high = 4;  // codes and rows of a block: its sums stay in registers

  void search(float const* rows, std::int32_t* ids) const {
    float best[high];
    for (std::size_t r = 0; r < high; ++r) best[r] = std::numeric_limits<float>::infinity(), ids[r] = 0;
    for (std::size_t tile = 0; tile < half_norms_.size(); tile += wide) {
      float const* codes = values_.data() + tile * dim_;
      float sum[high][wide] = {};
      for (std::size_t d = 0; d < dim_; ++d, codes += wide) {
        float const x0 = rows[d], x1 = rows[dim_ + d], x2 = rows[2 * dim_ + d], x3 = rows[3 * dim_ + d];
        for (std::size_t c = 0; c < wide; ++c) {
          sum[0][c] += x0 * codes[c];
          sum[1][c] += x1 * codes[c];
          sum[2][c] += x2 * codes[c];
          sum[3][c] += x3 * codes[c];
        }
      }
      for (std::size_t r = 0; r < high; ++r)
        for (std::size_t c = 0; c < wide; ++c) {
          float const score = half_norms_[tile + c] - sum[r][c];
          if (score < best[r]) best[r] = score, ids[r] = static_cast<std::int32_t>(tile + c);
        }
    }
  }

  std::size_t dim_;
  std::vector<float> values_, half_norms_;
};

/// |a - b|^2
inline float squared_distance(float const* a, float const* b, index dim) {
  float sum = 0;
  for (index d = 0; d < dim; ++d) sum += (a[d] - b[d]) * (a[d] - b[d]);
  return sum;
}

}  // namespace SPEARSTORM_NS::codec
