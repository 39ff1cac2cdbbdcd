#pragma once
// To and from xtensor. A view shows values where they are and owns nothing; a copy is always an array or a tensor.

#include <array>

#include "spearstorm/io/xtensor.hpp"
#include "spearstorm/runtime/array.hpp"
#include "spearstorm/tape/context.hpp"

namespace SPEARSTORM_NS::interop {

namespace detail {
template <class T, std::size_t Rank>
auto adapt(T* data, std::array<index, Rank> const& extents) {
  std::array<std::size_t, Rank> shape{};
  for (std::size_t i = 0; i < Rank; ++i) shape[i] = static_cast<std::size_t>(extents[i]);
  return xt::adapt(data, static_cast<std::size_t>(product(extents)), xt::no_ownership(), shape);
}
}  // namespace detail

/// Valid until the array is resized, moved from or destroyed; writing to the view writes to the array.
template <class T, axis_type... Axes>
auto xtensor_view(array<T, Axes...>& x) {
  return detail::adapt(x.data(), x.extents());
}
template <class T, axis_type... Axes>
auto xtensor_view(array<T, Axes...> const& x) {
  return detail::adapt(x.data(), x.extents());
}
template <class T, axis_type... Axes>
void xtensor_view(array<T, Axes...> const&& x) = delete;  // a view of a temporary would outlive it

/// The values of a tensor, read only: tensors never change. Valid as long as the tensor is, that is until its context or frame ends.
/// @throws stale_tensor where that has happened
template <context_like Ctx, class T, axis_type... Axes>
auto xtensor_view(Ctx& ctx, tensor<T, Axes...> const& x) {
  static_assert(Ctx::memory::on_host, "spearstorm: xtensor_view: the policy's memory is not the host's; download the tensor first");
  auto const y = ctx.eval(x);
  return detail::adapt(y.data(), y.extents());
}

/// A copy of an xtensor container or expression.
/// @throws shape_error where the number of axes differs
template <axis_type... Axes, class E>
auto to_array(xt::xexpression<E> const& expression) {
  auto const& from = expression.derived_cast();
  if (from.dimension() != sizeof...(Axes))
    fail<shape_error>("to_array: the expression has ", from.dimension(), " axes, expected ", sizeof...(Axes));
  sizes<sizeof...(Axes)> extents{};
  for (std::size_t i = 0; i < extents.size(); ++i) extents[i] = static_cast<index>(from.shape()[i]);
  using value = std::remove_cv_t<typename E::value_type>;
  array<std::conditional_t<std::is_same_v<value, bool>, flag, value>, Axes...> made(extents);
  std::copy(from.template begin<xt::layout_type::row_major>(), from.template end<xt::layout_type::row_major>(), made.begin());
  return made;
}

/// A copy of an expression as a tensor of the context.
template <axis_type... Axes, context_like Ctx, class E>
auto upload(Ctx& ctx, xt::xexpression<E> const& expression) {
  return ctx.upload(to_array<Axes...>(expression));
}

}  // namespace SPEARSTORM_NS::interop
