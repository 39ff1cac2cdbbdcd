// Products whose factors cuBLAS rounds to bfloat16 and to TF32, compiled and linked; where there is a device they run.

#include <cstdio>

#include "spearstorm/backend/thrust/thrust.hpp"
#include "spearstorm/runtime/workspace.hpp"

namespace ss = spearstorm;

/// The square of ((first, 2), (3, 4)); says whether its first number is the one expected.
template <class Precision>
bool square(float first, float expected) {
  ss::workspace<ss::thrust_device<Precision>> work;
  float const host[4] = {first, 2, 3, 4};
  float* const x = static_cast<float*>(work.values().allocate(3 * sizeof host));
  ss::device_memory::copy_in(x, host, sizeof host);
  ss::verbs::gemm(work.exec(), {.m = 2, .n = 2, .k = 2, .lda = 2, .ldb = 2, .ldc = 2}, x, x, x + 4);
  float result[4];
  ss::device_memory::copy_out(result, x + 4, sizeof result);
  std::printf("%.9g %g %g %g, expected %.9g 10 15 22\n", result[0], result[1], result[2], result[3], expected);
  return result[0] == expected;
}

int main() {
  try {
    bool const narrow = square<ss::bf16_mixed>(1 + 1.0f / 256, 7);  // the first lies between two numbers of bfloat16
    bool const wider = square<ss::tf32>(1 + 1.0f / 4096, 7);        // and of TF32
    return narrow && wider ? 0 : 1;
  } catch (ss::device_error const& none) {
    std::printf("%s\n", none.what());
  }
}
