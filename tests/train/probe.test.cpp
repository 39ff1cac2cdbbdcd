#include "spearstorm/train/probe.hpp"

#include "catch.hpp"
#include "spearstorm/soundstorm/model.hpp"
#include "train/toy.hpp"

using namespace test_train;
using namespace ss::train;

namespace {

constexpr ss::soundstorm_shape small{
    .codebook_size = 32, .num_quantizers = 3, .body = {.dim = 64, .depth = 2, .dim_head = 32, .heads = 2, .conv_kernel_size = 7}};

ss::soundstorm::token_batch random_batch(ss::index examples, ss::index frames) {
  ss::soundstorm::token_batch batch{ss::token::code_array({examples, frames, small.num_quantizers})};
  ss::random_stream const draws{1, 0, 0};
  for (ss::index i = 0; i < batch.codes.size(); ++i)
    batch.codes.data()[i] = static_cast<std::int32_t>(draws.below(32, 0, static_cast<std::uint32_t>(i)));
  return batch;
}

}  // namespace

TEST_CASE("train/probe: a model of one's own is probed alike") {
  ss::workspace<exec> work{{.seed = 1}};
  toy_model model(work);
  auto const batch = toy_source{}.at(0).batch;
  auto const before = work.random();
  auto const start = loss_at_init(work, model, batch, 4);
  CHECK(work.random() == before);
  CHECK(start.expected == Approx(std::log(4)));
  CHECK(start.ratio == Approx(start.loss / std::log(4)));

  auto const quiet = [](auto& ctx, toy_model const& m, toy_batch const& b) { return m.loss(ctx, b, 0.0); };
  auto const report = overfit_one_batch(work, model, batch, {.steps = 300, .rate = 0.03}, quiet);
  CHECK(report.curve.size() == 300);
  CHECK(report.curve.front() == Approx(start.loss));
  CHECK(report.final_loss < 0.01);
  CHECK_THROWS_WITH(loss_at_init(work, model, batch, 1), "loss_at_init: codebook_size = 1, expected 2 to 2147483646");
}

TEST_CASE("train/probe: held draws repeat the same task") {
  ss::workspace<exec> work{{.seed = 1}};
  toy_model held(work), drawn(work);
  auto const batch = toy_source{}.at(0).batch;
  auto const loud = [](auto& ctx, toy_model const& m, toy_batch const& b) { return m.loss(ctx, b, 4.0); };
  CHECK(overfit_one_batch(work, held, batch, {.steps = 300, .rate = 0.03, .hold_draws = true}, loud).final_loss < 0.01);
  CHECK(overfit_one_batch(work, drawn, batch, {.steps = 300, .rate = 0.03}, loud).final_loss > 0.1);
}

TEST_CASE("train/probe: a SoundStorm starts at chance") {
  ss::workspace<exec> work{{.seed = 1}};
  auto shape = small;
  shape.codebook_size = 256;
  ss::soundstorm::model<ss::dynamic_soundstorm, exec> const net(work, shape);
  auto const report = loss_at_init(work, net, random_batch(8, 32));
  INFO("loss " << report.loss << ", expected " << report.expected);
  CHECK(report.ratio > 0.95);
  CHECK(report.ratio < 1.05);
}

TEST_CASE("train/probe: a SoundStorm learns one example by heart, under masks drawn anew in each step") {
  ss::workspace<exec> work{{.seed = 1}};
  ss::soundstorm::model<small, exec> net(work);
  auto const report = overfit_one_batch(work, net, random_batch(1, 24), {.rate = 4e-3});
  INFO("final loss " << report.final_loss);
  CHECK(report.curve.front() > 2.5);
  CHECK(report.final_loss < 0.05);
}

TEST_CASE("train/probe: a SoundStorm learns a batch by heart, its masks held") {
  ss::workspace<exec> work{{.seed = 1}};
  ss::soundstorm::model<small, exec> net(work);
  auto const report = overfit_one_batch(work, net, random_batch(2, 24), {.hold_draws = true});
  INFO("final loss " << report.final_loss);
  CHECK(report.final_loss < 0.05);
}
