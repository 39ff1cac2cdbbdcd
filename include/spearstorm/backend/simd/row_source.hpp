#pragma once
// Rows of a factor that are made where they are packed: a few of them at a time, in memory that stays in the first caches.

#include "spearstorm/backend/simd/packing.hpp"
#include "spearstorm/runtime/thread_space.hpp"

namespace SPEARSTORM_NS::backend {

/// Writes elements first ... first + count - 1 of a row to `to`.
struct row_source {
  void (*read)(void const* body, index row, index first, index count, float* to) = nullptr;
  void const* body = nullptr;
  explicit operator bool() const { return read != nullptr; }
};

/// A factor of a product: floats in memory, or rows of floats that are made.
struct gemm_operand {
  float const* data = nullptr;
  row_source rows{};
  gemm_operand(float const* at) : data(at) {}
  gemm_operand(row_source from) : rows(from) {}
};

namespace packing {

/// Memory of this thread for rows that are packed next.
inline float* row_space(index floats) { return thread_space<struct rows_to_pack, float>(floats); }

/// As `left` above: `rows` rows from row `i` on, `depth` of their elements from `first` on.
template <class Factor>
void left(row_source const& source, index i, index rows, index first, index depth, unit* to) {
  float* const made = row_space(side * depth);
  for (index o = 0; o < rows; o += side) {
    index const count = std::min(side, rows - o);
    for (index r = 0; r < count; ++r) source.read(source.body, i + o + r, first, depth, made + r * depth);
    left<Factor>(factor{made, count, depth, depth, 1}, to + o * block_stride);
  }
}

/// As `panels` above, of a factor whose depth counts the source's rows, from row `row` of them on, `depth` in all: `cols` of its columns
/// from `first` on, which `count` panels hold.
template <class Factor, index Columns>
void panels(row_source const& source, index row, index depth, index first, index cols, index count, index room, index begin, index end,
            unit* to) {
  index constexpr deep = side * per_unit<Factor>;
  float* const made = row_space(deep * cols);
  for (index u = begin; u < end; u += side) {
    index const d = u * per_unit<Factor>, rows = std::clamp<index>(depth - d, 0, deep);
    for (index r = 0; r < rows; ++r) source.read(source.body, row + d + r, first, cols, made + r * cols);
    panels<Factor, Columns>(factor{made, cols, rows, 1, cols}, count, room, 0, side, to + u * Columns);
  }
}

}  // namespace packing

}  // namespace SPEARSTORM_NS::backend
