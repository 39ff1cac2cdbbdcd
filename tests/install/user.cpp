// What a user writes: a layer, a loss, two steps of an optimizer. It needs no optional library.

#ifdef USER_WANTS_SIMD
#include <spearstorm/backend/simd/simd.hpp>
#endif
#include <spearstorm/nn.hpp>

#include <cstdio>

namespace ss = spearstorm;
using namespace ss::axes;

int main() {
#ifdef USER_WANTS_SIMD
  using exec = ss::cpu::simd<>;
#else
  using exec = ss::cpu::scalar<>;
#endif
  ss::workspace<exec> work{{.seed = 1}};
  ss::nn::linear<3, 1, exec> layer{work};
  ss::optim::adamw<exec> adam{{.rate = 0.1}};
  double losses[2] = {};
  for (double& loss : losses) {
    ss::recording<exec> ctx{work};
    auto const x = ctx.upload(ss::array<float, rows<>, dim<3>>({2, 3}, {1, 2, 3, 4, 5, 6}));  // (rows, dim)
    auto const error = ss::ops::mean(ctx, ss::square(layer(ctx, x) - 1.0));
    auto gradients = ctx.gradients(error);
    adam.step_(work, layer, gradients);
    loss = ctx.item(error);
  }
  std::printf("spearstorm %s: loss %.3f, then %.3f\n", SPEARSTORM_VERSION, losses[0], losses[1]);
  return losses[1] < losses[0] ? 0 : 1;
}
