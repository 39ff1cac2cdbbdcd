#pragma once
// gemm as the three loops of the textbook, accumulating in the policy's accum_type: the reference for every other one.

#include "spearstorm/backend/gemm_call.hpp"
#include "spearstorm/backend/generic/tag.hpp"

namespace SPEARSTORM_NS::backend {

template <class Exec, class T>
void gemm(generic_tag, Exec&, gemm_call const& call, T const* a, T const* b, T* c) {
  using accum = typename Exec::accum_type;
  for (index item = 0; item < call.batches * call.heads; ++item) {
    T const* const as = a + call.a_offset(item);
    T const* const bs = b + call.b_offset(item);
    T* const cs = c + call.c_offset(item);
    for (index i = 0; i < call.m; ++i)
      for (index j = 0; j < call.n; ++j) {
        accum sum{0};
        for (index p = 0; p < call.k; ++p)
          sum += static_cast<accum>(call.trans_a ? as[p * call.lda + i] : as[i * call.lda + p]) *
                 static_cast<accum>(call.trans_b ? bs[j * call.ldb + p] : bs[p * call.ldb + j]);
        T& out = cs[i * call.ldc + j];
        accum const scaled = static_cast<accum>(call.alpha) * sum;
        out = static_cast<T>(call.beta == 0 ? scaled : scaled + static_cast<accum>(call.beta) * static_cast<accum>(out));
      }
  }
}

}  // namespace SPEARSTORM_NS::backend
