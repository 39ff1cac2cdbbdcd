#pragma once
// One description of a matrix product for all backends.

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS::backend {

/// C (m, n) = alpha * op(A) (m, k) * op(B) (k, n) + beta * C, all row-major with row strides lda, ldb, ldc; op transposes
/// where the flag is set. Repeated for batches x heads with the given distances (in elements), so that a head inside a
/// (batch, frames, heads * dim) tensor is an operand without a copy. beta = 0 does not read C.
struct gemm_call {
  index m = 0, n = 0, k = 0;
  bool trans_a = false, trans_b = false;
  index lda = 0, ldb = 0, ldc = 0;
  double alpha = 1, beta = 0;
  index batches = 1, heads = 1;
  index a_batch = 0, a_head = 0, b_batch = 0, b_head = 0, c_batch = 0, c_head = 0;

  index a_offset(index item) const { return item / heads * a_batch + item % heads * a_head; }
  index b_offset(index item) const { return item / heads * b_batch + item % heads * b_head; }
  index c_offset(index item) const { return item / heads * c_batch + item % heads * c_head; }
  double flops() const {
    return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) * static_cast<double>(batches * heads);
  }
};

/// What follows a row of C where nothing does.
struct nothing_more {};

}  // namespace SPEARSTORM_NS::backend
