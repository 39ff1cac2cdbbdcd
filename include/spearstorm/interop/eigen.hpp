#pragma once
// To and from Eigen. A view shows values where they are and owns nothing; a copy is always an array or a tensor.

#include <Eigen/Core>

#include "spearstorm/runtime/array.hpp"
#include "spearstorm/tape/context.hpp"

namespace SPEARSTORM_NS::interop {

template <class T>
using eigen_matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// All axes but the last are rows. The view is valid until the array is resized, moved from or destroyed; writing to it writes to the array.
template <class T, axis_type... Axes>
Eigen::Map<eigen_matrix<T>> eigen_view(array<T, Axes...>& x) {
  index const cols = x.rank == 0 ? 1 : x.extents().back();
  return {x.data(), cols == 0 ? 0 : x.size() / cols, cols};
}
template <class T, axis_type... Axes>
Eigen::Map<eigen_matrix<T> const> eigen_view(array<T, Axes...> const& x) {
  index const cols = x.rank == 0 ? 1 : x.extents().back();
  return {x.data(), cols == 0 ? 0 : x.size() / cols, cols};
}
template <class T, axis_type... Axes>
void eigen_view(array<T, Axes...> const&& x) = delete;  // a view of a temporary would outlive it

/// The values of a tensor, read only: tensors never change. Valid as long as the tensor is, that is until its context or frame ends.
/// @throws stale_tensor where that has happened
template <context_like Ctx, class T, axis_type... Axes>
Eigen::Map<eigen_matrix<T> const> eigen_view(Ctx& ctx, tensor<T, Axes...> const& x) {
  static_assert(Ctx::memory::on_host, "spearstorm: eigen_view: the policy's memory is not the host's; download the tensor first");
  auto const y = ctx.eval(x);
  return {y.data(), y.rows(), y.cols()};
}

/// A copy of a matrix or matrix expression. With one axis it has to be a single row or column.
/// @throws shape_error where the matrix does not fit the axes
template <axis_type... Axes, class Derived>
  requires(sizeof...(Axes) == 1 || sizeof...(Axes) == 2)
auto to_array(Eigen::DenseBase<Derived> const& matrix) {
  sizes<sizeof...(Axes)> extents;
  if constexpr (sizeof...(Axes) == 2) {
    extents = {matrix.rows(), matrix.cols()};
  } else {
    if (matrix.rows() != 1 && matrix.cols() != 1)
      fail<shape_error>("to_array: the matrix has ", matrix.rows(), " rows and ", matrix.cols(),
                        " columns, one axis expects one row or one column");
    extents = {matrix.size()};
  }
  array<typename Derived::Scalar, Axes...> made(extents);
  Eigen::Map<eigen_matrix<typename Derived::Scalar>>(made.data(), matrix.rows(), matrix.cols()) = matrix;
  return made;
}

/// A copy of a matrix as a tensor of the context.
template <axis_type... Axes, context_like Ctx, class Derived>
auto upload(Ctx& ctx, Eigen::DenseBase<Derived> const& matrix) {
  return ctx.upload(to_array<Axes...>(matrix));
}

}  // namespace SPEARSTORM_NS::interop
