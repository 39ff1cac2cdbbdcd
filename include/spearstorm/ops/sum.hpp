#pragma once
// The sum and the mean of all elements.

#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::ops {

template <class T>
struct spread_elements {
  T const* value;
  T scale;
  T* out;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    T const v = *value * scale;
    Lanes::each(count, [&](auto at) { at.store(out + first, typename Lanes::pack(v)); });
  }
};

struct sum_op {
  static constexpr char const* name = "sum";
  struct saved {
    index size;
  };

  static auto forward(context_like auto& ctx, auto const& x) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    T* const y = ctx.template allocate<T>(1);
    auto const guard = ctx.scratch();
    detail::sum_over(ctx.exec(), 1, x.size(), 1, x.data(), y, [&](index n) { return ctx.template allocate<T>(n); });
    return std::pair{ctx.template wrap<axis_list<>>(y, sizes<0>{}), saved{x.size()}};
  }
  template <class T>
  static void adjoint(auto& back, saved const& s, T const* dy) {
    if (T* const dx = back.result(0, s.size))
      verbs::transform<T>(back.exec(), s.size, backend::move_span, spread_elements<T>{dy, T(1), dx});
  }
};

/// @shape x (...)  returns ()
/// @math  y = sum x;  dx = dy
/// @cost  reads x once, in fixed chunks added in order
auto sum(context_like auto& ctx, operand auto const& x) { return record<sum_op>(ctx, std::tuple{ctx.eval(x)}); }

/// The sum divided by the number of elements.
/// @throws shape_error where there are none
auto mean(context_like auto& ctx, operand auto const& x) {
  auto const xs = ctx.eval(x);
  if (xs.size() == 0) fail<shape_error>("mean: the input is empty, expected at least one element");
  return ctx.eval(sum(ctx, xs) * (1.0 / static_cast<double>(xs.size())));
}

}  // namespace SPEARSTORM_NS::ops
