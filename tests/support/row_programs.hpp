#pragma once
// The ops that bring row programs of their own, with inputs that reach all of them: what threads that share a row are tested with.

#include "layer.hpp"
#include "outcome.hpp"
#include "spearstorm/nn/kv_cache.hpp"
#include "spearstorm/ops/attend.hpp"
#include "spearstorm/ops/attend_blocks.hpp"
#include "spearstorm/ops/channel_norm.hpp"
#include "spearstorm/ops/connect_streams.hpp"
#include "spearstorm/ops/cross_entropy.hpp"
#include "spearstorm/ops/depthwise_conv.hpp"
#include "spearstorm/ops/dropout.hpp"
#include "spearstorm/ops/embed.hpp"
#include "spearstorm/ops/gate_loop.hpp"
#include "spearstorm/ops/gated_linear.hpp"
#include "spearstorm/ops/glu.hpp"
#include "spearstorm/ops/linear_onto.hpp"
#include "spearstorm/ops/linear_rotary.hpp"
#include "spearstorm/ops/mix_streams.hpp"
#include "spearstorm/ops/pool_frames.hpp"
#include "spearstorm/ops/prepend_row.hpp"
#include "spearstorm/ops/rms_norm.hpp"
#include "spearstorm/ops/rotary.hpp"
#include "spearstorm/ops/sample_rows.hpp"
#include "spearstorm/ops/softmax.hpp"
#include "spearstorm/ops/stream_weights.hpp"
#include "spearstorm/optim/gradient_norm.hpp"

namespace test {

/// check(name, op, inputs...) for each; an op is called as check_op calls it.
template <class Check>
void for_each_row_op(Check const& check) {
  using namespace ss::axes;
  namespace ops = ss::ops;
  auto const x = random_array<batch<>, frames<>, dim<>>({2, 5, 18}, 1), y = random_array<batch<>, frames<>, dim<>>({2, 5, 18}, 2),
             z = random_array<batch<>, frames<>, dim<>>({2, 5, 18}, 3);
  auto const per_feature = random_array<dim<>>({18}, 4), more = random_array<dim<>>({18}, 5);
  ss::array<ss::flag, batch<>, frames<>> const mask({2, 5}, {1, 1, 1, 1, 1, 1, 0, 1, 0, 0});

  check("softmax", [](auto& ctx, auto const& a) { return ops::softmax(ctx, a); }, x);
  check("layer_norm", [](auto& ctx, auto const&... a) { return ops::layer_norm(ctx, a...); }, x, per_feature, more);
  check("channel_norm", [](auto& ctx, auto const&... a) { return ops::channel_norm(ctx, a...); }, x, per_feature);
  check("rms_norm", [](auto& ctx, auto const&... a) { return ops::rms_norm(ctx, a...); }, x, per_feature);
  check(
      "cross_entropy", [](auto& ctx, auto const&... a) { return ops::cross_entropy_rows(ctx, a...); },
      random_array<rows<>, vocab<>>({4, 19}, 6), ss::array<std::int32_t, rows<>>({4}, {18, 0, -1, 5}));
  check("glu", [](auto& ctx, auto const& a) { return ops::glu(ctx, a); }, x);
  check(
      "dropout", [](auto& ctx, auto const& a) { return ss::record<ops::dropout_op>(ctx, std::tuple{a}, 0.4, ss::random_stream{5, 1, 2}); },
      x);
  check("prepend_row", [](auto& ctx, auto const&... a) { return ops::prepend_row(ctx, a...); }, per_feature, x);
  check("pool_frames", [](auto& ctx, auto const& a, auto const& m) { return ops::pool_frames(ctx, a, m); }, x, mask);
  check(
      "embed", [](auto& ctx, auto const& table, auto const& ids) { return ops::embed(ctx, table, ids); },
      random_array<vocab<>, dim<>>({4, 18}, 7), ss::array<std::int32_t, rows<>>({6}, {3, 0, 3, 1, 1, 3}));
  check("rotary", [](auto& ctx, auto const& a) { return ops::rotary(ctx, a, {.heads = 3}); }, x);
  check("rotary of neighbours", [](auto& ctx, auto const& a) { return ops::rotary(ctx, a, {.heads = 3, .interleaved = true}); }, x);
  check(
      "depthwise_conv",
      [](auto& ctx, auto const& a, auto const& w, auto const& b, auto const& m) {
        return ops::depthwise_conv(ctx, a, w, b, {.left = 1, .mask = m});
      },
      x, random_array<kernel<>, dim<>>({3, 18}, 8), per_feature, mask);
  check(
      "depthwise_conv, frames together",
      [](auto& ctx, auto const& a, auto const& w, auto const& b) { return ops::depthwise_conv(ctx, a, w, b, {.left = 2}); },
      random_array<batch<>, frames<>, dim<>>({2, 18, 5}, 26), random_array<kernel<>, dim<>>({6, 5}, 27), random_array<dim<>>({5}, 28));
  check(
      "gate_loop",
      [](auto& ctx, auto const& q, auto const& kv, auto const& a, auto const& m) {
        return ops::gate_loop(ctx, q, kv, a, {.reverse = true, .mask = m});
      },
      x, y, z, mask);
  auto const weights = random_array<out<>, in<>>({7, 18}, 9), others = random_array<out<>, in<>>({7, 18}, 10);
  check(
      "gated_linear",
      [](auto& ctx, auto const& a, auto const& wg, auto const& bg, auto const& wv, auto const& bv) {
        return ops::gated_linear(ctx, a, layer{wg, bg}, layer{wv, bv}, ss::silu);
      },
      x, weights, random_array<dim<>>({7}, 11), others, random_array<dim<>>({7}, 12));
  auto const square = random_array<out<>, in<>>({18, 18}, 29);
  check(
      "linear_onto",
      [](auto& ctx, auto const& a, auto const& w, auto const& b) {
        auto const sum = ops::linear_onto(ctx, a, w, b, ops::onto_measured(a, 0.3));
        return ops::layer_norm(ctx, sum, b, b);
      },
      x, square, per_feature);
  check(
      "linear_rotary",
      [](auto& ctx, auto const& a, auto const& w) { return ops::linear_rotary(ctx, a, w, ops::make_rotary_table(ctx, a.extent(1), 6)); }, x,
      square);

  auto const wide = random_array<batch<>, frames<>, streams<>, dim<>>({2, 3, 3, 11}, 15);
  check(
      "mix_streams", [](auto& ctx, auto const&... a) { return ops::mix_streams(ctx, a..., 1, 2); }, wide,
      random_array<batch<>, frames<>, streams<>, mixes<>>({2, 3, 3, 4}, 16));
  check(
      "connect_streams", [](auto& ctx, auto const&... a) { return ops::connect_streams(ctx, a...); }, wide,
      random_array<batch<>, frames<>, streams<>, mixes<>>({2, 3, 3, 5}, 17), random_array<batch<>, frames<>, dim<>>({2, 3, 11}, 18));
  check(
      "stream_weights", [](auto& ctx, auto const&... a) { return ops::stream_weights(ctx, a...); }, wide, random_array<dim<>>({11}, 19),
      random_array<mixes<>, dim<>>({4, 11}, 20), random_array<dim<>>({1}, 21), random_array<streams<>, mixes<>>({3, 4}, 22),
      random_array<dim<>>({11}, 23), random_array<dim<>>({1}, 24), random_array<streams<>>({3}, 25));

  ops::attend_options const tiles{.heads = 2, .query_tile = 3, .key_tile = 2};
  check(
      "attend, masked",
      [=](auto& ctx, auto const& q, auto const& k, auto const& v, auto const& m) {
        auto options = tiles;
        options.keys = m;
        return ops::attend(ctx, q, k, v, options);
      },
      x, y, z, mask);
  check(
      "attend, causal, with a bias",
      [=](auto& ctx, auto const&... a) {
        auto options = tiles;
        options.causal = true;
        return ops::attend(ctx, a..., options);
      },
      x, y, z, random_array<heads<>, rows<>, keys<>>({2, 5, 5}, 13));
  check(
      "attend, with a relative bias",
      [=](auto& ctx, auto const& q, auto const& k, auto const& v, auto const& w) {
        return ops::attend(ctx, q, k, v, ops::relative_bias(ctx, w, 5, {.max_distance = 4}), tiles);
      },
      x, y, z, random_array<buckets<>, heads<>>({8, 2}, 14));
}

/// Three frames of two rows decoded with a cache: what attention reads of it, in blocks of two frames.
template <class Exec>
std::vector<double> decoded() {
  using namespace ss::axes;
  ss::workspace<Exec> work{{.seed = 7, .threads = 1}};
  ss::nn::kv_cache<Exec> cache({.layers = 1, .dim = 6, .block_frames = 2});
  cache.add_rows_(2);
  ss::inference<Exec> ctx{work};
  auto const given = [&](std::uint64_t seed) { return ctx.upload(random_array<batch<>, frames<>, dim<>>({2, 3, 6}, seed)); };
  cache.reserve_(3);
  auto const step = cache.step(ctx, 0, 3);
  cache.write_(ctx, step, 0, given(1), given(2));
  auto const y = ctx.download(ss::ops::attend_blocks(ctx, given(3), cache.keys(0), cache.values(0), step.table, step.counts, {.heads = 2}));
  return {y.begin(), y.end()};
}

/// Tokens of four rows, and their probabilities.
template <class Exec>
std::vector<double> sampled() {
  using namespace ss::axes;
  ss::workspace<Exec> work{{.seed = 7, .threads = 1}};
  ss::inference<Exec> ctx{work};
  auto const logits = ctx.upload(random_array<rows<>, vocab<>>({8, 40}, 1, 2));
  auto const places = ctx.upload(ss::array<std::int32_t, rows<>>({4}, {0, 3, 4, 7}));
  auto const made = ss::ops::sample_rows(ctx, logits, places,
                                         {.guidance = {.scale = 1.5, .rescale = 0.7}, .top_k = 12, .top_p = 0.8, .noise = {7, 1, 2}});
  std::vector<double> all;
  for (auto id : ctx.download(made.ids)) all.push_back(static_cast<double>(id));
  for (auto p : ctx.download(made.confidence)) all.push_back(static_cast<double>(p));
  return all;
}

/// The norm of a gradient in several chunks.
template <class Exec>
double norm() {
  using namespace ss::axes;
  ss::workspace<Exec> work{{.seed = 7, .threads = 1}};
  ss::parameter<Exec, dim<>> const weights(work, {9001}, ss::initialiser::uniform(0.5));
  ss::recording<Exec> ctx{work};
  auto const w = ctx.use(weights);
  auto gradients = ctx.gradients(ss::ops::sum(ctx, w * w));
  return ss::optim::gradient_norm(work, gradients);
}

}  // namespace test
