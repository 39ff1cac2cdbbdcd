#include "spearstorm/nn/transformer_step.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

namespace {

constexpr ss::transformer_shape any_shape{.dim = ss::dynamic,
                                          .depth = ss::dynamic,
                                          .dim_head = ss::dynamic,
                                          .heads = ss::dynamic,
                                          .kv_heads = ss::dynamic,
                                          .ff_mult = ss::dynamic};
constexpr ss::transformer_shape small{
    .dim = 12, .depth = 3, .dim_head = 4, .heads = 4, .kv_heads = 2, .ff_mult = 2, .causal = true, .cross_attend = true};

using features = ss::array<double, batch<>, frames<>, dim<>>;

features frames_of(features const& x, ss::index first, ss::index count) {
  features made({x.extent(0), count, x.extent(2)});
  for (ss::index b = 0; b < x.extent(0); ++b)
    std::copy_n(x.data() + (b * x.extent(1) + first) * x.extent(2), count * x.extent(2), made.data() + b * count * x.extent(2));
  return made;
}

}  // namespace

TEST_CASE("nn/transformer_step: some frames, one frame, frames layer by layer are the whole transformer's, on every policy") {
  auto const x = random_array<batch<>, frames<>, dim<>>({3, 19, 12}, 1);
  auto const source = random_array<batch<>, frames<>, dim<>>({2, 36, 12}, 2);  // 37 keys with the null key: two blocks of 32
  std::vector<ss::index> const examples{0, 1, 1}, seen{37, 34, 1};             // row 1's source has 33 frames, row 2's is hidden
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    ss::workspace<Exec> work{{.seed = 3}};
    ss::transformer<any_shape, Exec> const net(work, small);
    ss::inference<Exec> ctx{work};

    auto repeated = features({3, 36, 12});
    ss::array<ss::flag, batch<>, frames<>> mask({3, 37});
    for (ss::index r = 0; r < 3; ++r) {
      auto const at = static_cast<std::size_t>(r);
      std::copy_n(source.data() + examples[at] * 36 * 12, 36 * 12, repeated.data() + r * 36 * 12);
      std::fill_n(mask.data() + r * 37, seen[at], ss::flag{1});
    }
    std::vector<ss::array<float, batch<>, frames<>, dim<>>> whole;
    net(ctx, ctx.upload(x), {}, ctx.upload(repeated), ctx.upload(mask),
        [&](ss::index, auto const& h) { whole.push_back(ctx.download(h)); });

    ss::nn::cross_memory<any_shape, Exec> const memory(ctx, net, ctx.upload(source));
    ss::nn::kv_cache<Exec> cache({.layers = 3, .dim = 8});
    cache.add_rows_(3);
    auto const run = [&](auto const& h, ss::index ahead, ss::index first, ss::index last) {
      ss::nn::decoder_step<float> step{cache.step(ctx, ahead, h.extent(1)), {}, memory.step(ctx, examples, seen)};
      step.angles = ss::ops::rotary_positions(ctx, step.own.positions, 4);
      return ss::nn::run_layers(ctx, net, h, cache, memory, step, first, last);
    };
    auto const compare = [&](auto const& h, ss::index layer, ss::index first) {
      auto const found = ctx.download(h);
      auto const& all = whole[static_cast<std::size_t>(layer - 1)];
      auto const expected = frames_of(features(all.extents(), std::vector<double>(all.begin(), all.end())), first, found.extent(1));
      detail::compare("layer " + std::to_string(layer) + " from frame " + std::to_string(first), {found.begin(), found.end()},
                      {expected.begin(), expected.end()}, ss::tolerance_of<float>(ss::computed::whole_model));
    };
    cache.reserve_(15);
    compare(run(ctx.upload(frames_of(x, 0, 15)), 0, 0, 3), 3, 0);
    cache.advance_(15);
    cache.reserve_(1);
    compare(run(ctx.upload(frames_of(x, 15, 1)), 0, 0, 3), 3, 15);
    cache.advance_(1);
    cache.reserve_(3);  // as an early exit behind layer 1 drafts, over the border of a block, and is verified
    using tensor_type = decltype(run(ctx.upload(frames_of(x, 16, 1)), 0, 0, 1));
    std::vector<tensor_type> steps;
    for (ss::index i = 0; i < 3; ++i) {
      steps.push_back(run(ctx.upload(frames_of(x, 16 + i, 1)), i, 0, 1));
      compare(steps.back(), 1, 16 + i);
    }
    auto const together = ss::nn::side_by_side<Exec, tensor_type>(ctx, steps);
    compare(together, 1, 16);
    compare(run(together, 0, 1, 3), 3, 16);
    CHECK_THROWS_WITH(run(together, 0, 2, 4), "run_layers: last = 4, expected 0 to 3");
  });
}
