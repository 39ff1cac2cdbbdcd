#pragma once
// The examples of all ranks in one batch, for losses that compare examples with each other.

#include "spearstorm/runtime/communicator.hpp"
#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::ops {

namespace detail_gather {
/// The same axes, the first one open: a rank's batch may be of a static size, the batch of all is not.
template <class First, class... Rest>
axis_list<typename First::template resized<dynamic>, Rest...> open_first(axis_list<First, Rest...>);
}  // namespace detail_gather

struct all_gather_op {
  static constexpr char const* name = "all_gather";
  struct saved {
    index first, size;  // where the own examples stand among all, in elements
  };

  static auto forward(context_like auto& ctx, auto const& x, communicator const& among) {
    using context_type = std::remove_reference_t<decltype(ctx)>;
    using T = typename context_type::value_type;
    using list = decltype(detail_gather::open_first(typename std::remove_cvref_t<decltype(x)>::axes_type{}));
    auto extents = x.extents();
    auto const shapes = among.template all_gather<index>(std::span<index const>(extents));
    auto const rank_of = static_cast<std::size_t>(extents.size());
    index examples = 0;
    saved own{0, x.size()};
    for (std::size_t r = 0; r < shapes.counts.size(); ++r) {
      check_size("all_gather", "rank " + std::to_string(r), "rank of the tensor", shapes.counts[r], "rank 0", shapes.counts[0]);
      for (std::size_t axis = 1; axis < rank_of; ++axis)
        check_size("all_gather", "rank " + std::to_string(r), "axis " + std::to_string(axis), shapes.values[r * rank_of + axis], "rank 0",
                   shapes.values[axis]);
      if (static_cast<index>(r) < among.rank()) own.first += shapes.values[r * rank_of];
      examples += shapes.values[r * rank_of];
    }
    index each = 1;
    for (std::size_t axis = 1; axis < rank_of; ++axis) each *= extents[axis];
    own.first *= each;
    extents[0] = examples;
    if constexpr (verbs::counting<typename context_type::exec_type>) ++ctx.exec().counts->downloads, ++ctx.exec().counts->uploads;
    std::vector<T> host(static_cast<std::size_t>(x.size()));
    context_type::memory::copy_out(host.data(), x.data(), host.size() * sizeof(T));
    auto const all = among.template all_gather<T>(std::span<T const>(host));
    check_size("all_gather", "all ranks together", "size", static_cast<index>(all.values.size()), "their shapes", product(extents));
    T* const y = ctx.template allocate<T>(product(extents));
    context_type::memory::copy_in(y, all.values.data(), all.values.size() * sizeof(T));
    return std::pair{ctx.template wrap<list>(y, extents), own};
  }
  template <class T>
  static void adjoint(auto& back, saved const& s, T const* dy) {
    if (T* const dx = back.result(0, s.size)) verbs::copy_rows(back.exec(), 1, s.size, dy + s.first, s.size, dx, s.size);
  }
};

/// The examples of all ranks, rank after rank; ranks may have batches of different sizes, or none. Every rank calls it.
///
/// Every rank then computes the same loss of all examples, and its gradient flows back to its own examples only. Summed over the ranks
/// (never averaged), the gradients of what stands before the gather are those of one rank that has all examples. A parameter behind the
/// gather would be counted once for each rank.
/// @shape x (batch, ...)  returns (batch of all ranks, ...)
/// @math  y = x_0, x_1, ... under each other;  dx = the own rows of dy
/// @cost  goes through host memory; recording keeps two numbers
/// @throws shape_error on all ranks where they differ in an axis behind the first
auto all_gather(context_like auto& ctx, operand auto const& x, communicator const& among) {
  auto const xs = ctx.eval(x);
  static_assert(decltype(xs)::rank > 0, "spearstorm: all_gather: x needs an axis of examples");
  return record<all_gather_op>(ctx, std::tuple{xs}, among);
}

}  // namespace SPEARSTORM_NS::ops
