#pragma once
// A row-major gemm_call as a column-major library takes it. A row-major matrix read as column-major is its transpose, so
// C = op(A) op(B) becomes C^T = op(B)^T op(A)^T: the operands change places, nothing is copied.

#include "spearstorm/backend/gemm_call.hpp"

namespace SPEARSTORM_NS::backend {

/// The arguments of a column-major, strided-batched product, named as cuBLAS names them. Its A is the call's B, its B the
/// call's A. `count` products in one library call, `repeats` such calls with the given distances (in elements).
struct gemm_plan {
  bool trans_a = false, trans_b = false;
  index m = 0, n = 0, k = 0;
  index lda = 1, ldb = 1, ldc = 1;
  index count = 1, stride_a = 0, stride_b = 0, stride_c = 0;
  index repeats = 1, repeat_a = 0, repeat_b = 0, repeat_c = 0;
  friend bool operator==(gemm_plan const&, gemm_plan const&) = default;
};

namespace detail {
/// Libraries refuse a leading dimension below the rows of a column, even where there is one column that never needs it.
constexpr index leading(index ld, index stored_rows, index stored_cols) {
  if (stored_rows <= 1 && ld < stored_cols) ld = stored_cols;
  return ld < 1 ? 1 : ld;
}
}  // namespace detail

/// The fewest library calls: heads are strided, batches repeat, unless both are one evenly spaced sequence or heads is 1.
constexpr gemm_plan plan(gemm_call const& call) {
  gemm_plan p{.trans_a = call.trans_b, .trans_b = call.trans_a, .m = call.n, .n = call.m, .k = call.k};
  p.lda = detail::leading(call.ldb, call.trans_b ? call.n : call.k, call.trans_b ? call.k : call.n);
  p.ldb = detail::leading(call.lda, call.trans_a ? call.k : call.m, call.trans_a ? call.m : call.k);
  p.ldc = detail::leading(call.ldc, call.m, call.n);
  bool const even =
      call.a_batch == call.heads * call.a_head && call.b_batch == call.heads * call.b_head && call.c_batch == call.heads * call.c_head;
  if (call.batches == 1 || (even && call.heads > 1)) {
    p.count = call.batches * call.heads, p.stride_a = call.b_head, p.stride_b = call.a_head, p.stride_c = call.c_head;
  } else if (call.heads == 1) {
    p.count = call.batches, p.stride_a = call.b_batch, p.stride_b = call.a_batch, p.stride_c = call.c_batch;
  } else {
    p.count = call.heads, p.stride_a = call.b_head, p.stride_b = call.a_head, p.stride_c = call.c_head;
    p.repeats = call.batches, p.repeat_a = call.b_batch, p.repeat_b = call.a_batch, p.repeat_c = call.c_batch;
  }
  return p;
}

}  // namespace SPEARSTORM_NS::backend
