#pragma once
// What a product is, for the tests of all that multiply.

#include <vector>

#include "spearstorm/backend/gemm_call.hpp"

namespace test {

/// The definition, in double, written apart from the generic backend.
template <class T>
std::vector<double> expected(spearstorm::backend::gemm_call const& call, std::vector<T> const& a, std::vector<T> const& b,
                             std::vector<T> const& c) {
  std::vector<double> out(c.begin(), c.end());
  auto const at = [](auto const& of, spearstorm::index i) { return static_cast<double>(of[static_cast<std::size_t>(i)]); };
  for (spearstorm::index batch = 0; batch < call.batches; ++batch)
    for (spearstorm::index head = 0; head < call.heads; ++head)
      for (spearstorm::index i = 0; i < call.m; ++i)
        for (spearstorm::index j = 0; j < call.n; ++j) {
          double sum = 0;
          for (spearstorm::index p = 0; p < call.k; ++p) {
            spearstorm::index const left = batch * call.a_batch + head * call.a_head + (call.trans_a ? p * call.lda + i : i * call.lda + p);
            spearstorm::index const right =
                batch * call.b_batch + head * call.b_head + (call.trans_b ? j * call.ldb + p : p * call.ldb + j);
            sum += at(a, left) * at(b, right);
          }
          spearstorm::index const to = batch * call.c_batch + head * call.c_head + i * call.ldc + j;
          out[static_cast<std::size_t>(to)] = call.alpha * sum + (call.beta == 0 ? 0 : call.beta * at(c, to));
        }
  return out;
}

}  // namespace test
