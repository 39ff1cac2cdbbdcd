// One recorded step on the CUDA system: upload, an expression, layer_norm, linear, gradients, download.
// Compiled and linked here; it prints what it finds where it is run on a GPU.

#include <cstdio>

#include "spearstorm/backend/thrust/thrust.hpp"
#include "spearstorm/ops/layer_norm.hpp"
#include "spearstorm/ops/linear.hpp"
#include "spearstorm/ops/sum.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

template <class Precision>
double step() {
  using exec = ss::thrust_device<Precision>;
  using value = typename exec::value_type;
  ss::workspace<exec> work{{.seed = 1}};
  ss::parameter<exec, out<3>, in<4>> weight(work, {3, 4}, ss::initialiser::uniform(0.5));
  ss::parameter<exec, dim<3>> bias(work, {3}, ss::initialiser::zeros());
  ss::parameter<exec, dim<4>> gamma(work, {4}, ss::initialiser::ones()), beta(work, {4}, ss::initialiser::zeros());
  ss::recording<exec> ctx{work};
  auto const x = ctx.leaf(ctx.upload(ss::array<value, batch<>, dim<4>>({2, 4}, {1, 2, 3, 4, 4, 3, 2, 2})));  // (batch, dim)
  auto const h = ss::ops::layer_norm(ctx, x * value(2) + ss::tanh(x), gamma, beta);  // (batch, dim)
  auto const y = ss::ops::linear<dim<3>>(ctx, h, weight, bias, ss::silu);          // (batch, dim)
  auto const loss = ss::ops::mean(ctx, y * y);                                     // ()
  auto const gradients = ctx.gradients(loss);
  double total = ctx.item(loss);
  for (value g : ctx.download(gradients.of(x))) total += static_cast<double>(g);
  return total;
}

int main() {
  std::printf("loss and input gradients add up to %g in float, %g in double\n", step<ss::f32>(), step<ss::f64>());
  return 0;
}
