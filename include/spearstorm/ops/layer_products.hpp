#pragma once
// The three products of a layer with a weight (out, in): there, back to its input, back to its weight.

#include "spearstorm/ops/made_rows.hpp"

namespace SPEARSTORM_NS::ops::detail_rows {

/// Sizes of y (rows, out) = x (rows, in) W^T.
inline backend::gemm_call layer_call(index rows, index in, index out) {
  return {.m = rows, .n = out, .k = in, .trans_b = true, .lda = in, .ldb = in, .ldc = out};
}

/// y as the tensor that has x's axes but for the last one.
template <class OutAxis, class T>
auto wrap_outputs(context_like auto& ctx, auto const& x, T const* y, index out) {
  auto extents = x.extents();
  extents.back() = out;
  return ctx.template wrap<replace_last<typename std::remove_cvref_t<decltype(x)>::axes_type, OutAxis>>(y, extents);
}

/// y = x W^T, then program over parts of its rows and whole over rows: what a policy has for them.
/// @param x a pointer, or a source of rows
template <class Exec, class X, class T, class Program = backend::nothing_more, class Whole = backend::nothing_more>
void product(Exec& exec, backend::gemm_call const& call, X const& x, T const* w, T* y, Program const& program = {},
             Whole const& whole = {}) {
  if constexpr (!std::is_pointer_v<X> || !std::is_same_v<Whole, backend::nothing_more>)
    verbs::gemm_rows(exec, call, x, w, y, program, whole);
  else if constexpr (std::is_same_v<Program, backend::nothing_more>)
    verbs::gemm(exec, call, x, w, y);
  else
    verbs::gemm_then(exec, call, x, w, y, program);
}

/// dx (rows, in) = scale dz W, added to what is there where beta is 1.
template <class Exec, class T>
void input_gradient(Exec& exec, index rows, index in, index out, double scale, T const* dz, T const* w, T* dx, double beta = 0) {
  verbs::gemm(exec, {.m = rows, .n = in, .k = out, .lda = out, .ldb = in, .ldc = in, .alpha = scale, .beta = beta}, dz, w, dx);
}

/// dW (out, in) = scale dz^T x.
template <class Exec, class X, class T>
void weight_gradient(Exec& exec, index rows, index in, index out, double scale, T const* dz, X const& x, T* dw) {
  backend::gemm_call const call{.m = out, .n = in, .k = rows, .trans_a = true, .lda = out, .ldb = in, .ldc = in, .alpha = scale};
  if constexpr (std::is_pointer_v<X>)
    verbs::gemm(exec, call, dz, x, dw);
  else
    verbs::gemm_by_rows(exec, call, dz, x, dw);
}

}  // namespace SPEARSTORM_NS::ops::detail_rows
