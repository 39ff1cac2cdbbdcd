// A product whose factors cuBLAS rounds to bfloat16, compiled and linked; where there is a device it runs.

#include <cstdio>

#include "spearstorm/backend/thrust/thrust.hpp"
#include "spearstorm/runtime/workspace.hpp"

namespace ss = spearstorm;

int main() {
  try {
    ss::workspace<ss::thrust_device<ss::bf16_mixed>> work;
    float const host[4] = {1.00390625f, 2, 3, 4};  // the first lies between two numbers of bfloat16
    float* const x = static_cast<float*>(work.values().allocate(3 * sizeof host));
    ss::device_memory::copy_in(x, host, sizeof host);
    ss::verbs::gemm(work.exec(), {.m = 2, .n = 2, .k = 2, .lda = 2, .ldb = 2, .ldc = 2}, x, x, x + 4);
    float result[4];
    ss::device_memory::copy_out(result, x + 4, sizeof result);
    std::printf("%g %g %g %g, expected 7 10 15 22\n", result[0], result[1], result[2], result[3]);
    return result[0] == 7 ? 0 : 1;
  } catch (ss::device_error const& none) {
    std::printf("%s\n", none.what());
  }
}
