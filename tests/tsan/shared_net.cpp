// Two threads share one const net, each with its own workspace of two threads: gradients and codes equal those of one thread alone.
// Built with the thread sanitizer by .ci/run.

#include <cstdio>
#include <thread>
#include <vector>

#include "spearstorm/soundstorm.hpp"

namespace ss = spearstorm;

namespace {

using exec = ss::cpu::simd<>;
constexpr ss::soundstorm_shape shape{
    .codebook_size = 16, .num_quantizers = 2, .body = {.dim = 32, .depth = 1, .dim_head = 8, .heads = 4, .conv_kernel_size = 3}};
using model_type = ss::soundstorm::model<shape, exec>;

/// Loss, some gradients and generated codes, all as numbers.
std::vector<float> use(model_type const& model) {
  ss::workspace<exec> work{{.seed = 7, .threads = 2}};
  ss::soundstorm::token_batch batch{.codes = ss::token::code_array({2, 20, 2})};
  for (ss::index i = 0; i < batch.codes.size(); ++i) batch.codes.data()[i] = static_cast<std::int32_t>(i * 7 % 16);
  std::vector<float> made;
  for (int step = 0; step < 3; ++step) {
    ss::recording<exec> ctx{work};
    auto const loss = model.loss(ctx, batch);
    auto gradients = ctx.gradients(loss.total);
    made.push_back(static_cast<float>(ctx.item(loss.total)));
    auto const g = gradients.to_host(model.net.code_embeds);
    made.insert(made.end(), g.begin(), g.end());
  }
  for (auto id : model.generate(work, {.num_latents = 12, .steps = 4})) made.push_back(static_cast<float>(id));
  return made;
}

}  // namespace

int main() {
  ss::workspace<exec> work{{.seed = 1}};
  model_type const model{work};
  auto const alone = use(model);
  std::vector<float> first, second;
  std::thread one([&] { first = use(model); }), two([&] { second = use(model); });
  one.join();
  two.join();
  bool const equal = first == alone && second == alone;
  std::printf("%zu numbers, %s on both threads\n", alone.size(), equal ? "equal" : "DIFFERENT");
  return equal ? 0 : 1;
}
