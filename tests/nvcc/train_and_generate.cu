// A SoundStorm trained and sampled on the thrust policy: compiled and linked for sm_80 and sm_90 where nvcc is present.

#include <cstdio>

#include "spearstorm/optim/ema.hpp"
#include "spearstorm/soundstorm.hpp"

namespace ss = spearstorm;

int main() {
  using exec = ss::thrust_device<>;
  constexpr ss::soundstorm_shape shape{
      .codebook_size = 32, .num_quantizers = 4, .body = {.dim = 64, .depth = 2, .dim_head = 16, .heads = 4, .conv_kernel_size = 5}};
  ss::workspace<exec> work{{.seed = 42}};
  ss::soundstorm::model<shape, exec> model{work};
  ss::optim::adamw<exec> adam{{.rate = 2e-3}};
  ss::optim::ema<exec> average{{.beta = 0.9, .update_after_step = 10, .update_every = 1}};

  ss::soundstorm::token_batch batch{.codes = ss::token::code_array({2, 30, 4})};
  for (ss::index i = 0; i < batch.codes.size(); ++i) batch.codes.data()[i] = static_cast<std::int32_t>(i * i % 31);
  for (int step = 0; step < 20; ++step) {
    ss::recording<exec> ctx{work, {.stochastic = true}};
    auto const loss = model.loss(ctx, batch);
    auto gradients = ctx.gradients(loss.total);
    adam.add_loss_(ctx, loss.total);
    adam.enqueue_(work, model, gradients);
    average.update_(work, model);
    auto const taken = adam.settle_(work);  // the step's only wait
    std::printf("step %d: loss %.3f, norm %.3f\n", step, taken.loss, taken.norm);
  }
  average.copy_to_(work, model);
  auto const codes = model.generate(work, {.num_latents = 30, .steps = 16});
  std::printf("%td frames of %td levels\n", codes.extent(1), codes.extent(2));
}
