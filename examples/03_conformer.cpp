// 3. Conformer: the trunk. Sizes are in the type; a wrong one does not compile.

#include <cstdio>

#include "spearstorm/nn.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

int main() {
  using exec = ss::cpu::simd<>;
  constexpr ss::conformer_shape shape{.dim = 32, .depth = 2, .dim_head = 8, .heads = 4, .conv_kernel_size = 5};

  ss::workspace<exec> work{{.seed = 1}};
  ss::conformer<shape, exec> const trunk{work};
  std::printf("%td parameters in %zu blocks\n", ss::parameter_count(trunk), trunk.layers.size());

  ss::inference<exec> ctx{work};
  ss::array<float, batch<>, frames<>, dim<32>> x({2, 10, 32}, 0.5f);
  ss::array<ss::flag, batch<>, frames<>> real({2, 10}, 1);
  for (ss::index t = 6; t < 10; ++t) real(1, t) = 0;           // the second clip has six frames
  auto const y = trunk(ctx, ctx.upload(x), ctx.upload(real));                      // (batch, frames, dim)
  std::printf("out: %s\n", ss::to_string(decltype(y)::axes_type{}, y.extents()).c_str());
  return y.extents() == x.extents() ? 0 : 1;
}
