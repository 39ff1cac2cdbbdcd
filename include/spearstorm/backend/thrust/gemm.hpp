#pragma once
// gemm on thrust, which has no product of its own: the plan goes to a library.

#include "spearstorm/backend/thrust/each_row.hpp"
#include "spearstorm/backend/thrust/products.hpp"

namespace SPEARSTORM_NS::backend {

#if defined(SPEARSTORM_THRUST_GEMM)

/// C = beta * C, all that is left of a product without terms. Libraries differ in what they make of k = 0.
template <class T>
struct scale_elements {
  T* c;
  T beta;
  gemm_call call;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index i = first; i < first + count; ++i) {
      index const item = i / (call.m * call.n), row = i / call.n % call.m;
      T& out = c[item / call.heads * call.c_batch + item % call.heads * call.c_head + row * call.ldc + i % call.n];
      out = beta == T(0) ? T(0) : beta * out;
    }
  }
};

template <class Exec, class T>
void gemm(thrust_tag tag, Exec& exec, gemm_call const& call, T const* a, T const* b, T* c) {
  T const alpha = static_cast<T>(call.alpha), beta = static_cast<T>(call.beta);
  if (call.k <= 0) return transform<T>(tag, exec, call.batches * call.heads * call.m * call.n, call.n, scale_elements<T>{c, beta, call});
  gemm_plan const p = plan(call);
  for (index i = 0; i < p.repeats; ++i)
    exec.library->template run<Exec>(p, alpha, b + i * p.repeat_a, a + i * p.repeat_b, beta, c + i * p.repeat_c);
}

#endif

}  // namespace SPEARSTORM_NS::backend
