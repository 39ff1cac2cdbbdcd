#pragma once
// f(z) for a product to make as it reads it: recording, what stands before an activation is kept, what stands behind it is not.

#include "spearstorm/ops/linear.hpp"

namespace SPEARSTORM_NS::ops {

/// A part of a row of f(z).
template <class F, class T>
struct activated_source {
  F f;
  T const* z;
  index cols;
  template <class Lanes>
  void operator()(Lanes, index row, index first, index count, T* to) const {
    T const* const from = z + row * cols + first;
    Lanes::each(count, [&](auto at) { at.store(to, f.value(at.load(from))); });
  }
};

template <class F>
struct activated_rows_op {
  static constexpr char const* name = "activation";

  template <class T>
  struct saved {
    F f;
    T const* z;
    index size;
  };
  static auto forward(context_like auto& ctx, auto const& z, F f) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    return std::pair{z, saved<T>{f, z.data(), z.size()}};
  }
  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    if (T* const dz = back.result(0, s.size))
      verbs::transform<T>(back.exec(), s.size, backend::move_span, unfinish_elements<F, T>{s.f, s.z, dy, dz});
  }
};

namespace detail_linear {
auto activated(context_like auto& ctx, auto const& z, auto f) {
  using functor = decltype(f);
  using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
  auto const like = record<activated_rows_op<functor>>(ctx, std::tuple{z}, f);
  return made_rows(like, activated_source<functor, T>{f, z.data(), z.cols()});
}
}  // namespace detail_linear

/// linear(ctx, x, weight, bias, f) for another product to make as it reads it: where a step is recorded and the policy's products make
/// rows, z = x W^T + b is stored and f(z) is not.
/// @shape, @throws as linear
template <class OutAxis = axes::dim<>, class F>
auto linear_rows(context_like auto& ctx, row_operand auto const& x, operand auto const& weight, operand auto const& bias, F f) {
  if constexpr (detail_rows::makes_rows<std::remove_reference_t<decltype(ctx)>>)
    return detail_linear::activated(ctx, linear<OutAxis>(ctx, x, weight, bias), detail_linear::functor_of(f));
  else
    return linear<OutAxis>(ctx, x, weight, bias, f);
}
/// Without a bias.
template <class OutAxis = axes::dim<>, class F>
  requires(!operand<F>)
auto linear_rows(context_like auto& ctx, row_operand auto const& x, operand auto const& weight, F f) {
  if constexpr (detail_rows::makes_rows<std::remove_reference_t<decltype(ctx)>>)
    return detail_linear::activated(ctx, linear<OutAxis>(ctx, x, weight), detail_linear::functor_of(f));
  else
    return linear<OutAxis>(ctx, x, weight, f);
}

}  // namespace SPEARSTORM_NS::ops
