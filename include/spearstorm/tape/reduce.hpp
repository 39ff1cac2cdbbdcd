#pragma once
// Sums over one of three axes, in fixed chunks that are added in index order: the same bits for any number of threads.

#include "spearstorm/expr/loop.hpp"
#include "spearstorm/tape/sweep.hpp"

namespace SPEARSTORM_NS::detail {

inline constexpr index sum_chunk = 64;   // rows summed by one task when columns are kept
inline constexpr index sum_span = 4096;  // neighbours summed by one task when a row collapses

/// Row (o, c): out (o, c, i) = the sum of in (o, r, i) over the rows r of chunk c.
template <class T>
struct sum_rows {
  T const* in;
  T* out;
  index n, inner, chunk, chunks;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    index const o = row / chunks, first = row % chunks * chunk, last = first + chunk < n ? first + chunk : n;
    T const* const from = in + o * n * inner;
    Lanes::each(inner, [&](auto at) {
      typename Lanes::pack total(T(0));
      for (index r = first; r < last; ++r) total = total + at.load(from + r * inner);
      at.store(out + row * inner, total);
    });
  }
};

/// Row (o, c): out (o, c) = the sum of in (o, r) over the neighbours r of chunk c.
template <class T>
struct sum_neighbours {
  T const* in;
  T* out;
  index n, chunk, chunks;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    index const o = row / chunks, first = row % chunks * chunk, count = first + chunk < n ? chunk : n - first;
    T const* const from = in + o * n + first;
    T const sum = Lanes::sum(count, [&](auto at) { return at.load(from); });
    Lanes::once([&] { out[row] = sum; });
  }
};

/// out (outer, inner) = the sum of in (outer, n, inner) over n.
/// @param scratch gives memory: scratch(count) -> T*
template <class Exec, class T>
void sum_over(Exec& exec, index outer, index n, index inner, T const* in, T* out, auto const& scratch) {
  if (n == 0) return verbs::fill(exec, out, outer * inner, T(0));
  index const chunk = inner == 1 ? sum_span : sum_chunk, chunks = (n + chunk - 1) / chunk;
  T* const to = chunks == 1 ? out : scratch(outer * chunks * inner);
  index const work = (n < chunk ? n : chunk) * inner;
  if (inner == 1)
    verbs::each_row<T>(exec, outer * chunks, work, sum_neighbours<T>{in, to, n, chunk, chunks});
  else
    verbs::each_row<T>(exec, outer * chunks, work, sum_rows<T>{in, to, n, inner, chunk, chunks});
  if (chunks > 1) sum_over(exec, outer, chunks, inner, to, out, scratch);
}

/// Sums a gradient over the axes that a broadcast leaf of `size` elements lacks.
template <class Exec, index Leaves, class T>
void sum_to_leaf(sweep<Exec>& back, expr::loop<Leaves> const& steps, index leaf, index size, T const* wide, T* out) {
  if (steps.size == 0) return verbs::fill(back.exec(), out, size, T(0));
  auto const scratch = [&](index n) { return back.template scratch<T>(n); };
  // The result's axes as (outer ..., last), each marked as kept or summed; runs of equal marks are one axis.
  index inner = 1, run = 1, before = steps.size;
  T const* from = wide;
  for (index axis = steps.outer_rank; axis >= -1; --axis) {
    bool const last = axis == steps.outer_rank;
    bool const kept = axis < 0 || (last ? steps.along[leaf] : steps.stride[leaf][axis] != 0 || steps.outer[axis] == 1);
    index const size = axis < 0 ? 1 : last ? steps.cols : steps.outer[axis];
    if (!kept) {
      run *= size;
      before /= size;
      continue;
    }
    if (run > 1) {
      T* const to = before * inner == 0 ? out : scratch(before * inner);
      sum_over(back.exec(), before, run, inner, from, to, scratch);
      from = to;
      run = 1;
    }
    inner *= size;
    before = size == 0 ? 0 : before / size;
  }
  verbs::copy_rows(back.exec(), 1, inner, from, inner, out, inner);
}

}  // namespace SPEARSTORM_NS::detail
