// SoundStorm for bench/compare; compare_ours.cpp chooses the case.

#include "compare_case.hpp"
#include "spearstorm/backend/simd/simd.hpp"
#include "spearstorm/soundstorm.hpp"

namespace compare {
namespace {

using precision = ss::SPEARSTORM_BENCH_PRECISION;
using exec = ss::cpu::simd<precision>;
using net = ss::soundstorm::model<ss::dynamic_soundstorm, exec>;

/// The network of soundstorm-pytorch 0.6.1.
ss::soundstorm_shape shape(sizes_of_case const& of) {
  return {.codebook_size = of["codebook"],
          .num_quantizers = of["levels"],
          .body = {.dim = of["dim"],
                   .depth = of["depth"],
                   .dim_head = of["dim_head"],
                   .heads = of["heads"],
                   .ff_mult = of["ff_mult"],
                   .conv_kernel_size = of["conv_kernel_size"],
                   .num_residual_streams = of["streams"],
                   .values = ss::value_residual::learned}};
}

ss::token::code_array random_codes(sizes_of_case const& of, ss::index ids) {
  return random_ids(ss::token::code_array({of["batch"], of["frames"], of["levels"]}), ids);
}

struct placed {
  ss::workspace<exec> work;
  net model;
  placed(sizes_of_case const& of, ss::index threads) : work({.seed = 1, .threads = threads}), model(work, shape(of)) {}
};

/// Masks drawn as the peer draws them, forward, loss, backward, AdamW.
work train(sizes_of_case const& of, ss::index threads) {
  auto const with = std::make_shared<placed>(of, threads);
  auto const adam = std::make_shared<ss::optim::adamw<exec>>(
      ss::optim::adamw_options{.rate = 3e-4, .beta1 = 0.9, .beta2 = 0.99, .weight_decay = 0.01, .max_grad_norm = 0});
  return [=, batch = ss::soundstorm::token_batch{random_codes(of, of["codebook"])}] {
    ss::recording<exec> ctx{with->work};
    auto const loss = with->model.loss(ctx, batch, {.no_replace_prob = 0, .random_token_prob = 0});
    auto gradients = ctx.gradients(loss.total);
    adam->step_(with->work, with->model, gradients);
    ctx.item(loss.total);
  };
}

/// The logits of all levels at all frames, as the peer's network gives them.
work forward(sizes_of_case const& of, ss::index threads) {
  auto const with = std::make_shared<placed>(of, threads);
  auto const codes = random_codes(of, of["codebook"] + 1);
  ss::index const positions = of["batch"] * of["frames"], levels = of["levels"];
  ss::array<std::int32_t, ss::axes::rows<>> rows({positions * levels});
  std::vector<ss::index> offsets;
  for (ss::index i = 0; i < rows.size(); ++i) rows.data()[i] = static_cast<std::int32_t>(i % positions);
  for (ss::index level = 0; level <= levels; ++level) offsets.push_back(level * positions);
  return [=] {
    ss::inference<exec> ctx{with->work};
    auto const& network = with->model.net;
    network.logits(ctx, network.trunk(ctx, ctx.upload(codes)), ctx.upload(rows), offsets);
  };
}

/// A whole generation.
work generate(sizes_of_case const& of, ss::index threads) {
  auto const with = std::make_shared<placed>(of, threads);
  ss::soundstorm::generate_options const wanted{.num_latents = of["frames"], .batch_size = of["batch"], .steps = of["steps"]};
  return [=] { with->model.generate(with->work, wanted); };
}

}  // namespace

template <>
makers soundstorm_works<precision>() {
  return {{"soundstorm_train", train}, {"soundstorm_forward", forward}, {"soundstorm_generate", generate}};
}

}  // namespace compare
