#pragma once
// gemm as the three loops of the textbook, accumulating in the policy's accum_type: the reference for every other one.

#include "spearstorm/backend/gemm_call.hpp"
#include "spearstorm/backend/generic/each_row.hpp"
#include "spearstorm/backend/generic/tag.hpp"
#include "spearstorm/core/dtype.hpp"

namespace SPEARSTORM_NS::backend {

/// What a policy multiplies in place of x: x rounded as its precision says.
template <class Exec, class T>
SPEARSTORM_HD T as_factor(T x) {
  using factor = factor_of<Exec>;
  if constexpr (std::is_same_v<factor, bfloat16> || std::is_same_v<factor, tfloat32>)
    return static_cast<float>(factor(static_cast<float>(x)));
  else
    return x;
}

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
          sum += static_cast<accum>(as_factor<Exec>(call.trans_a ? as[p * call.lda + i] : as[i * call.lda + p])) *
                 static_cast<accum>(as_factor<Exec>(call.trans_b ? bs[j * call.ldb + p] : bs[p * call.ldb + j]));
        T& out = cs[i * call.ldc + j];
        accum const scaled = static_cast<accum>(call.alpha) * sum;
        out = static_cast<T>(call.beta == 0 ? scaled : scaled + static_cast<accum>(call.beta) * static_cast<accum>(out));
      }
  }
}

/// A program over parts of rows, (lanes, row, first column, columns), as one over whole rows.
template <class Program>
struct finish_whole_rows {
  static constexpr bool one_thread = one_thread_program<Program>;
  Program program;
  index cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes lanes, index row) const {
    program(lanes, row, index{0}, cols);
  }
};

/// A product and what follows it row by row.
template <class Tag, class Exec, class T, class Program>
void gemm_then(Tag tag, Exec& exec, gemm_call const& call, T const* a, T const* b, T* c, Program const& program) {
  gemm(tag, exec, call, a, b, c);
  each_row<T>(tag, exec, call.m, call.n, finish_whole_rows<Program>{program, call.n});
}

}  // namespace SPEARSTORM_NS::backend
