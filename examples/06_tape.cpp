// 6. Tape: a recording context, one fused expression, gradients of parameters and of an input.

#include <cmath>
#include <cstdio>

#include "spearstorm/nn.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

struct softplus {  // an own element-wise function: value beside partial
  template <class T> SPEARSTORM_HD static T value(T x) { return log1p(exp(x)); }
  template <class T> SPEARSTORM_HD static T partial(T x, T) { return T(1) / (T(1) + exp(-x)); }
};

int main() {
  using exec = ss::cpu::simd<ss::f64>;
  ss::workspace<exec> work;
  ss::parameter<exec, dim<3>> scale(work, {3}, ss::initialiser::ones());

  ss::recording<exec> ctx{work};
  auto const x = ctx.leaf(ctx.upload(ss::array<double, rows<>, dim<3>>({2, 3}, {-1, 0, 1, 2, 3, 4})));
  auto const y = ss::map(softplus{}, x) * ctx.use(scale) + 0.5 * x;  // nothing has run yet
  auto const loss = ss::ops::sum(ctx, y);                            // one loop, one tape entry, then the sum
  auto g = ctx.gradients(loss);

  auto const dx = ctx.download(g.of(x));                                           // (rows, dim)
  auto const dscale = g.to_host(scale);                                            // (dim)
  std::printf("d loss / d x[0][1] = %.4f (by hand: 1/2 + 1/2)\n", dx(0, 1));
  std::printf("d loss / d scale[2] = %.4f (by hand: softplus(1) + softplus(4))\n", dscale(2));
  bool const right = std::abs(dx(0, 1) - 1) < 1e-12 && std::abs(dscale(2) - (std::log1p(std::exp(1)) + std::log1p(std::exp(4)))) < 1e-12;
  return right ? 0 : 1;
}
