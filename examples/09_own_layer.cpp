// 9. An own layer is a record of its parts. Saving, counting, clipping and stepping follow from `visit`.

#include <cstdio>

#include "spearstorm/nn.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

template <ss::index Dim, ss::execution_policy Exec>
struct gated_feed_forward {
  using width = dim<Dim>;
  ss::nn::layer_norm<Dim, Exec> norm;
  ss::nn::linear<Dim, 4 * Dim, Exec> value, gate;
  ss::nn::linear<4 * Dim, Dim, Exec> out;

  explicit gated_feed_forward(ss::workspace<Exec>& work) : norm(work), value(work), gate(work), out(work) {}

  auto operator()(ss::context<Exec> auto& ctx, ss::tensor_of<batch<>, frames<>, width> auto const& x) const {
    auto const h = norm(ctx, x);                                                   // (batch, frames, dim)
    auto const g = ss::ops::gated_linear(ctx, h, gate, value, ss::silu);           // (batch, frames, 4 dim)
    return out(ctx, g);                                                            // (batch, frames, dim)
  }
  static void visit(auto& self, auto&& each) {
    each("norm", self.norm);
    each("value", self.value);
    each("gate", self.gate);
    each("out", self.out);
  }
};

int main() {
  using exec = ss::cpu::simd<>;
  ss::workspace<exec> work{{.seed = 1}};
  gated_feed_forward<16, exec> layer{work};
  ss::for_each_parameter(layer, [](std::string const& name, auto const& p) { std::printf("%-14s %td\n", name.c_str(), p.size()); });

  ss::recording<exec> ctx{work};
  auto const x = ctx.upload(ss::array<float, batch<>, frames<>, dim<16>>({1, 3, 16}, 1.0f));
  auto const loss = ss::ops::mean(ctx, ss::square(layer(ctx, x)));
  auto g = ctx.gradients(loss);
  ss::optim::adamw<exec> adam;
  double const norm = adam.step_(work, layer, g);
  std::printf("loss %.4f, gradient norm %.4f\n", ctx.item(loss), norm);
  return norm > 0 ? 0 : 1;
}
