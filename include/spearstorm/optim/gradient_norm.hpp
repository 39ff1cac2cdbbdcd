#pragma once
// The norm over all gradients, what clipping and the search for values that are not finite ask for: one pass, one number to the host.

#include <cmath>

#include "spearstorm/optim/span_table.hpp"
#include "spearstorm/tape/gradient_table.hpp"
#include "spearstorm/tape/reduce.hpp"

namespace SPEARSTORM_NS::optim {

namespace detail {

template <class T>
struct gradient_span : table_span {
  T const* g;
};

/// Row (c, t): the sum of squares of chunk c, or of every `threads`th number of it from t on, so that neighbouring device threads read
/// neighbours.
template <class T>
struct square_sum_row {
  span_view<gradient_span<T>> table;
  T* out;
  index threads;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    auto const& span = table.of(row / threads);
    index const first = table.offset(span, row / threads * span_chunk);
    index const count = first + span_chunk < span.size ? span_chunk : span.size - first;
    T const* const g = span.g + first;
    if (threads == 1) {
      out[row] = Lanes::sum(count, [&](auto at) {
        auto const x = at.load(g);
        return typename Lanes::pack(x * x);
      });
    } else {
      T total{0};
      for (index i = row % threads; i < count; i += threads) total += g[i] * g[i];
      out[row] = total;
    }
  }
};

/// @param threads of a chunk; the sum of their parts is a second pass
template <execution_policy Exec>
double norm_by(workspace<Exec>& work, gradient_table<Exec> const& gradients, index threads) {
  using T = typename Exec::param_type;
  span_table<Exec, gradient_span<T>> table;
  for (auto const& place : gradients.places())
    if (place.written) table.add({{place.size}, place.data});
  index const chunks = table.chunks();
  auto const mark = work.values().here();
  auto const scratch = [&](index n) { return static_cast<T*>(work.values().allocate(static_cast<std::size_t>(n) * sizeof(T))); };
  T* const parts = scratch(chunks * threads);
  verbs::each_row<T>(work.exec(), chunks * threads, span_chunk / threads, square_sum_row<T>{table.upload(work), parts, threads});
  T* const sums = threads == 1 ? parts : scratch(chunks);
  if (threads > 1) spearstorm::detail::sum_over(work.exec(), chunks, threads, 1, parts, sums, scratch);
  std::vector<T> host(static_cast<std::size_t>(chunks));
  if constexpr (verbs::counting<Exec>) ++work.exec().counts->downloads;
  if constexpr (verbs::runs<Exec>) Exec::memory::copy_out(host.data(), sums, host.size() * sizeof(T));  // else zeros: nothing was computed
  work.values().rewind(mark);
  double total = 0;
  for (T sum : host) total += static_cast<double>(sum);
  return std::sqrt(total);
}

}  // namespace detail

/// The norm over all gradients of a table, in place order: sums in fixed chunks, then in double.
/// @cost reads every gradient once; one wait for the policy, whatever the number of parameters
template <execution_policy Exec>
double gradient_norm(workspace<Exec>& work, gradient_table<Exec> const& gradients) {
  return detail::norm_by(work, gradients, Exec::memory::on_host ? 1 : 32);
}

}  // namespace SPEARSTORM_NS::optim
