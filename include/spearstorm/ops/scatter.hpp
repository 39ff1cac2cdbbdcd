#pragma once
// Scatter-add of rows, the adjoint of every lookup: a stable sort brings equal ids together, then each row of the table
// adds its segment in the order of position. No atomics, so the bits depend on the data alone.

#include "spearstorm/backend/verbs.hpp"

namespace SPEARSTORM_NS::detail {

inline constexpr index scatter_block = 64;  // columns a task: an id that is everywhere, like a mask's, does not wait on one thread

/// Row (id, block): to (id, columns of block) = the sum of the rows whose id this is.
template <class T>
struct scatter_segment {
  std::int32_t const *sorted, *order;
  T const* from;
  T* to;
  index n, cols, blocks, repeat;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    index const id = row / blocks, column = row % blocks * scatter_block;
    index first = 0;  // lower bound of id
    for (index end = n; first < end;) {
      index const middle = first + (end - first) / 2;
      if (sorted[middle] < id)
        first = middle + 1;
      else
        end = middle;
    }
    Lanes::each(column + scatter_block < cols ? scatter_block : cols - column, [&](auto at) {
      pack total(T(0));
      for (index i = first; i < n && sorted[i] == id; ++i) total = total + at.load(from + order[i] / repeat * cols + column);
      at.store(to + id * cols + column, total);
    });
  }
};

/// to (table_rows, cols) is assigned: row r = the sum of from's rows i / repeat over the positions i with ids[i] = r, in the
/// order of i, and zero where there is none. Ids outside the table are left out.
/// @shape ids (n)  from (n / repeat, cols)  to (table_rows, cols)
/// @cost  a sort of n keys; reads n * cols values, writes table_rows * cols
/// @param scratch gives memory for 2 n integers: scratch(count) -> std::int32_t*
template <execution_policy Exec, class T>
void scatter_add(Exec& exec, auto const& scratch, index n, std::int32_t const* ids, index cols, T const* from, index table_rows, T* to,
                 index repeat = 1) {
  std::int32_t *const sorted = scratch(n), *const order = scratch(n);
  verbs::argsort(exec, n, ids, sorted, order);
  index const blocks = (cols + scatter_block - 1) / scatter_block, per_row = table_rows > 0 ? n / table_rows + 1 : 1;
  verbs::each_row<T>(exec, table_rows * blocks, per_row * (cols < scatter_block ? cols : scatter_block),
                     scatter_segment<T>{sorted, order, from, to, n, cols, blocks, repeat});
}

}  // namespace SPEARSTORM_NS::detail
