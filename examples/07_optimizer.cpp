// 7. Optimizer: an own training loop in ten lines, on one batch until it is known by heart.

#include <cstdio>

#include "spearstorm/soundstorm.hpp"

namespace ss = spearstorm;

int main() {
  using exec = ss::cpu::simd<>;
  constexpr ss::soundstorm_shape shape{
      .codebook_size = 16, .num_quantizers = 2, .body = {.dim = 32, .depth = 1, .dim_head = 8, .heads = 4, .conv_kernel_size = 5}};
  ss::workspace<exec> work{{.seed = 1}};
  ss::soundstorm::model<shape, exec> model{work};
  ss::optim::adamw<exec> adam{{.rate = 3e-3}};

  ss::soundstorm::token_batch batch{.codes = ss::token::code_array({2, 24, 2})};
  ss::random_stream const draws{.seed = 3};
  for (ss::index i = 0; i < batch.codes.size(); ++i)
    batch.codes.data()[i] = static_cast<std::int32_t>(draws.below(16, 0, std::uint32_t(i)));

  double first = 0, last = 0;
  for (int step = 0; step < 200; ++step) {
    ss::recording<exec> ctx{work, {.stochastic = true}};
    auto const loss = model.loss(ctx, batch, {.no_replace_prob = 0, .random_token_prob = 0});
    auto gradients = ctx.gradients(loss.total);
    double const norm = adam.step_(work, model, gradients);
    last = ctx.item(loss.total);
    if (step == 0) first = last;
    if (step % 50 == 0) std::printf("step %3d  loss %.3f  norm %.2f\n", step, last, norm);
  }
  std::printf("from %.3f to %.3f\n", first, last);
  return last < first / 2 ? 0 : 1;
}
