#pragma once
// The norm over all gradients, what clipping and the search for values that are not finite ask for: one pass, one number.

#include <cmath>

#include "spearstorm/optim/span_table.hpp"
#include "spearstorm/tape/gradient_table.hpp"
#include "spearstorm/tape/reduce.hpp"

namespace SPEARSTORM_NS::optim {

namespace detail {

template <class T>
struct gradient_span : table_span {
  T const* g;
  friend bool operator==(gradient_span const&, gradient_span const&) = default;
};

/// Row c: the sum of squares of chunk c.
template <class T, class Sum>
struct square_sum_row {
  span_view<gradient_span<T>> table;
  Sum* out;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    auto const& span = table.of(row);
    index const first = table.offset(span, row * span_chunk), left = span.size - first;
    T const* const g = span.g + first;
    T const sum = Lanes::sum(left < span_chunk ? left : span_chunk, [&](auto at) {
      auto const x = at.load(g);
      return typename Lanes::pack(x * x);
    });
    Lanes::once([&] { out[row] = static_cast<Sum>(sum); });
  }
};

/// Sums the squares of all gradients of a table, in place order; what it keeps between calls is the table of their places.
template <execution_policy Exec>
class square_sum {
  using T = typename Exec::param_type;
  using memory = typename Exec::memory;

 public:
  /// In fixed chunks, then on the host in double.
  double on_host(workspace<Exec>& work, gradient_table<Exec> const& gradients) {
    auto const mark = work.values().here();
    index const chunks = gather(gradients);
    T* const sums = scratch<T>(work, chunks);
    verbs::each_row<T>(work.exec(), chunks, span_chunk, square_sum_row<T, T>{table_.upload(work), sums});
    double total = 0;
    for (T sum : to_host(work, sums, chunks)) total += static_cast<double>(sum);
    work.values().rewind(mark);
    return total;
  }
  /// The same where the policy computes: the host does not wait.
  /// @param out one number in the policy's memory
  void enqueue(workspace<Exec>& work, gradient_table<Exec> const& gradients, double* out) {
    auto const mark = work.values().here();
    auto const more = [&](index n) { return scratch<double>(work, n); };
    index const chunks = gather(gradients);
    double* const sums = more(chunks);
    verbs::each_row<T>(work.exec(), chunks, span_chunk, square_sum_row<T, double>{table_.upload(work), sums});
    spearstorm::detail::sum_over(work.exec(), 1, chunks, 1, sums, out, more);
    work.values().rewind(mark);
  }
  double enqueue_and_wait(workspace<Exec>& work, gradient_table<Exec> const& gradients) {
    auto const mark = work.values().here();
    double* const out = scratch<double>(work, 1);
    enqueue(work, gradients, out);
    double const total = to_host(work, out, 1).front();
    work.values().rewind(mark);
    return total;
  }

 private:
  index gather(gradient_table<Exec> const& gradients) {
    table_.clear();
    for (auto const& place : gradients.places())
      if (place.written) table_.add({{place.size}, place.data});
    return table_.chunks();
  }
  template <class U>
  static U* scratch(workspace<Exec>& work, index n) {
    return static_cast<U*>(work.values().allocate(static_cast<std::size_t>(n) * sizeof(U)));
  }
  template <class U>
  static std::vector<U> to_host(workspace<Exec>& work, U const* from, index n) {
    std::vector<U> host(static_cast<std::size_t>(n));
    if constexpr (verbs::counting<Exec>) ++work.exec().counts->downloads;
    if constexpr (verbs::runs<Exec>) memory::copy_out(host.data(), from, host.size() * sizeof(U));  // else zeros: nothing was computed
    return host;
  }

  span_table<Exec, gradient_span<T>> table_;
};

}  // namespace detail

/// The norm over all gradients of a table, in place order: sums in fixed chunks, then in double.
/// @cost reads every gradient once; one wait for the policy, whatever the number of parameters
template <execution_policy Exec>
double gradient_norm(workspace<Exec>& work, gradient_table<Exec> const& gradients) {
  detail::square_sum<Exec> sum;
  if constexpr (Exec::memory::on_host)
    return std::sqrt(sum.on_host(work, gradients));
  else
    return std::sqrt(sum.enqueue_and_wait(work, gradients));
}

}  // namespace SPEARSTORM_NS::optim
