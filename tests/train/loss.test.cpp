#include "spearstorm/train/loss.hpp"

#include "io/scratch.hpp"
#include "spearstorm/soundstorm/model.hpp"
#include "spearstorm/train/trainer.hpp"
#include "support/policies.hpp"

using namespace test;
using namespace test_io;
using namespace ss::train;

namespace {

constexpr ss::soundstorm_shape shape{
    .codebook_size = 12, .num_quantizers = 2, .body = {.dim = 16, .depth = 1, .dim_head = 8, .heads = 2, .conv_kernel_size = 3}};
using dynamic_net = ss::soundstorm::model<ss::dynamic_soundstorm, fastest>;

token_set padded_set() {
  token_set set{{.codec = "test", .sample_hz = 1, .downsample_factor = 1, .num_quantizers = 2, .codebook_size = 12}, {}};
  for (ss::index u = 0; u < 9; ++u) {
    utterance made{std::to_string(u), utterance_codes({4 + u, 2})};
    for (ss::index i = 0; i < made.codes.size(); ++i) made.codes.data()[i] = static_cast<std::int32_t>((u + i) % 12);
    set.utterances.push_back(std::move(made));
  }
  return set;
}

struct trained {
  ss::workspace<fastest> work;
  dynamic_net net;
  train_result result;

  trained(ss::index threads, train_options const& options, train_hooks const& hooks = {})
      : work({.seed = 4, .threads = threads}), net(work, shape, {.attn_dropout = 0.1, .ff_dropout = 0.1}) {
    batches const source(padded_set(), {.batch = 4, .max_frames = 9, .seed = 2});
    result = run(work, net, source, options, hooks, loss_with{ss::token::mask_options{.no_replace_prob = 0.3f}});
  }
  std::vector<float> values() const {
    std::vector<float> all;
    ss::for_each_parameter(net, [&](std::string const&, auto const& p) {
      auto const host = p.to_host();
      all.insert(all.end(), host.begin(), host.end());
    });
    return all;
  }
};

}  // namespace

TEST_CASE("train/loss: loss_with hands options to the model's loss") {
  ss::workspace<fastest> work{{.seed = 1}};
  dynamic_net const net(work, shape);
  auto const batch = batches(padded_set(), {.batch = 4}).at(0).batch;
  ss::token::mask_options const options{.prompt = false, .coin_prob = 0};
  auto const value = [&](auto const& loss) {
    random_guard const guard(work);
    ss::inference<fastest> ctx{work};
    return ctx.item(loss(ctx, net, batch));
  };
  auto const direct = [&](auto& ctx, auto const& model, auto const& b) { return model.loss(ctx, b, options).total; };
  CHECK(value(loss_with{options}) == value(direct));
  CHECK(value(plain_loss{}) != value(direct));
}

TEST_CASE("train/loss: a SoundStorm with dropout on padded batches has the same bits for 1 and 2 threads, stopped and resumed or not") {
  scratch folder;
  train_options options{.steps = 12, .rate = {.rate = 3e-3, .warmup = 3}};
  options.grad_accum_every = 2;
  trained const whole(1, options), threads(2, options);
  CHECK(whole.values() == threads.values());

  options.folder = folder.folder;
  train_hooks hooks;
  hooks.stop = [asked = 0]() mutable { return ++asked == 5; };
  trained const first(1, options, hooks);
  CHECK(first.result.stopped);
  options.resume = true;
  trained const second(2, options);
  CHECK(second.values() == whole.values());

  auto const checkpoint = run_folder::checkpoints_in(folder.folder).rbegin()->second;
  ss::workspace<fastest> work;
  dynamic_net loaded(work, read_configuration(checkpoint));  // any checkpoint's shape
  CHECK(load_model_(checkpoint, loaded).step == 12);
  ss::soundstorm::model<shape, fastest> fixed(work);
  load_model_(checkpoint, fixed);
  ss::inference<fastest> ctx{work};
  auto const batch = batches(padded_set(), {.batch = 4}).at(0).batch;
  auto const chosen = ss::token::chosen_rows(ss::token::draw_mask(batch.codes, 12, {}, {1, 0, 0}, 0));
  CHECK(ctx.download(loaded.logits_of(ctx, batch, batch.codes, chosen)).values()[0] ==
        ctx.download(fixed.logits_of(ctx, batch, batch.codes, chosen)).values()[0]);
}
