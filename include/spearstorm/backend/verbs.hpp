#pragma once
// The verbs: everything a backend has to offer. Ops call these; each passes on to the nearest overload for the policy's tag.
// each_row and transform carry all element-wise and row-wise work, gemm the products, argsort the scatters, scan_rows the
// recurrences.

#include "spearstorm/backend/generic/each_row.hpp"
#include "spearstorm/backend/generic/gemm.hpp"
#include "spearstorm/backend/generic/move.hpp"
#include "spearstorm/backend/generic/scan.hpp"
#include "spearstorm/backend/generic/sort.hpp"
#include "spearstorm/backend/generic/transform.hpp"
#include "spearstorm/runtime/workspace.hpp"

namespace SPEARSTORM_NS::verbs {

/// A policy that counts (backend/counted.hpp) is told of each call before it runs.
template <class Exec>
concept counting = requires(Exec& exec) { exec.counts; };

/// A policy that only counts (shape_only): sizes are checked and memory is taken, but no verb runs.
template <class Exec>
inline constexpr bool runs = !requires { typename Exec::bodiless; };

/// program(lanes, row) for each row; rows are independent of each other.
template <class T, execution_policy Exec, class Program>
void each_row(Exec& exec, index rows, index work_per_row, Program const& program) {
  if (rows <= 0) return;
  if constexpr (counting<Exec>) exec.counts->elements(rows * work_per_row, sizeof(T));
  if constexpr (runs<Exec>) each_row<T>(typename Exec::tag{}, exec, rows, work_per_row, program);
}

/// f(first item, items) over items that are independent of each other: all at once, or one after the other on each thread of a team.
/// The verbs that f calls then run on that thread, so that what one item needs stays in its cache.
template <execution_policy Exec, class F>
void each_item(Exec& exec, index items, F const& f) {
  if (items <= 0) return;
  if constexpr (counting<Exec>)  // one account, which threads may not share
    f(index{0}, items);
  else
    each_item(typename Exec::tag{}, exec, items, f);
}

/// elements(lanes, first, count) over positions 0 ... n - 1, in parts that do not cross multiples of cols.
template <class T, execution_policy Exec, class Elements>
void transform(Exec& exec, index n, index cols, Elements const& elements) {
  if (n <= 0) return;
  if constexpr (counting<Exec>) exec.counts->elements(n, sizeof(T));
  if constexpr (runs<Exec>) transform<T>(typename Exec::tag{}, exec, n, cols, elements);
}

template <execution_policy Exec, class T>
void gemm(Exec& exec, backend::gemm_call const& call, T const* a, T const* b, T* c) {
  if (call.m <= 0 || call.n <= 0 || call.batches * call.heads <= 0) return;
  if constexpr (counting<Exec>) exec.counts->product(call, sizeof(T));
  if constexpr (runs<Exec>) gemm(typename Exec::tag{}, exec, call, a, b, c);
}

/// A product of one item, and then program(lanes, row, first column, columns) over parts of the rows of C that make up each row once.
template <execution_policy Exec, class T, class Program>
void gemm_then(Exec& exec, backend::gemm_call const& call, T const* a, T const* b, T* c, Program const& program) {
  if (call.m <= 0 || call.n <= 0) return;
  if constexpr (counting<Exec>) exec.counts->product(call, sizeof(T)), exec.counts->elements(call.m * call.n, sizeof(T));
  if constexpr (runs<Exec>) gemm_then(typename Exec::tag{}, exec, call, a, b, c, program);
}

/// A policy whose products of its value_type make the rows of a factor where they pack them, and go over rows of C that are whole.
template <class Exec>
inline constexpr bool fuses_rows = Exec::tag::template fuses_rows<typename Exec::value_type>;

/// gemm_then of a left factor that may be made: A is a pointer, or source(lanes, row, first, count, to), which writes a part of a row and
/// may be asked for it more than once. whole(lanes, row) follows program on each row of C. One item, A not transposed, alpha 1.
template <execution_policy Exec, class A, class T, class Program, class Whole = backend::nothing_more>
  requires fuses_rows<Exec>
void gemm_rows(Exec& exec, backend::gemm_call const& call, A const& a, T const* b, T* c, Program const& program, Whole const& whole = {}) {
  if (call.m <= 0 || call.n <= 0) return;
  if constexpr (counting<Exec>) {
    exec.counts->product(call, sizeof(T));
    if constexpr (!std::is_same_v<Program, backend::nothing_more>) exec.counts->elements(call.m * call.n, sizeof(T));
  }
  if constexpr (runs<Exec>) gemm_rows(typename Exec::tag{}, exec, call, a, b, c, program, whole);
}

/// gemm whose right factor is made: a source of its rows, of which there are k. One item, B not transposed.
template <execution_policy Exec, class T, class Source>
  requires fuses_rows<Exec>
void gemm_by_rows(Exec& exec, backend::gemm_call const& call, T const* a, Source const& b, T* c) {
  if (call.m <= 0 || call.n <= 0) return;
  if constexpr (counting<Exec>) exec.counts->product(call, sizeof(T));
  if constexpr (runs<Exec>) gemm_by_rows(typename Exec::tag{}, exec, call, a, b, c);
}

template <execution_policy Exec, class T>
void fill(Exec& exec, T* out, index n, T value) {
  if constexpr (counting<Exec>) exec.counts->elements(n, sizeof(T));
  if constexpr (runs<Exec>) fill(typename Exec::tag{}, exec, out, n, value);
}

template <execution_policy Exec, class T>
void copy_rows(Exec& exec, index rows, index cols, T const* in, index ld_in, T* out, index ld_out) {
  if constexpr (counting<Exec>) exec.counts->elements(rows * cols, sizeof(T));
  if constexpr (runs<Exec>) copy_rows(typename Exec::tag{}, exec, rows, cols, in, ld_in, out, ld_out);
}

template <execution_policy Exec, class T, class U>
void convert(Exec& exec, T const* in, U* out, index n) {
  if constexpr (counting<Exec>) exec.counts->elements(n, sizeof(T));
  if constexpr (runs<Exec>) convert(typename Exec::tag{}, exec, in, out, n);
}

/// out_t = a_t out_t-1 + x_t over the frames of (batches, frames, cols); start (batches, cols) is what the first frame meets,
/// null for zeros.
template <execution_policy Exec, class T>
void scan_rows(Exec& exec, backend::scan_call const& call, T const* a, T const* x, T const* start, T* out) {
  if (call.batches <= 0 || call.frames <= 0 || call.cols <= 0) return;
  if constexpr (counting<Exec>) exec.counts->elements(call.batches * call.frames * call.cols, sizeof(T));
  if constexpr (runs<Exec>) scan_rows(typename Exec::tag{}, exec, call, a, x, start, out);
}

template <execution_policy Exec>
void argsort(Exec& exec, index n, std::int32_t const* keys, std::int32_t* sorted, std::int32_t* order) {
  if (n <= 0) return;
  if constexpr (counting<Exec>) exec.counts->elements(n, sizeof(std::int32_t));
  if constexpr (runs<Exec>) argsort(typename Exec::tag{}, exec, n, keys, sorted, order);
}

}  // namespace SPEARSTORM_NS::verbs
