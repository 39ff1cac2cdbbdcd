#include "spearstorm/nn/cross_memory.hpp"

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
constexpr ss::transformer_shape small{.dim = 12, .depth = 2, .dim_head = 4, .heads = 2, .ff_mult = 2, .causal = true, .cross_attend = true};
using features = ss::array<double, batch<>, frames<>, dim<>>;
}  // namespace

TEST_CASE("nn/cross_memory: rows read their example's source, cut into blocks, as attention with a mask does") {
  using exec = fastest;
  ss::workspace<exec> work{{.seed = 1}};
  ss::transformer<any_shape, exec> const net(work, small);
  ss::inference<exec> ctx{work};
  auto const source = random_array<batch<>, frames<>, dim<>>({2, 70, 12}, 2);
  auto const q = random_array<batch<>, frames<>, dim<>>({2, 3, 8}, 3);
  ss::array<ss::flag, batch<>, frames<>> mask({2, 71});
  std::fill_n(mask.data(), 71, ss::flag{1});
  std::fill_n(mask.data() + 71, 33, ss::flag{1});
  auto const& cross = *net.layers[1].cross_attn;
  auto const x = ctx.upload(source);
  auto const expected =
      ctx.download(ss::ops::attend(ctx, ctx.upload(q), cross.keys(ctx, x), cross.values(ctx, x), {.heads = 2, .keys = ctx.upload(mask)}));
  ss::nn::cross_memory<any_shape, exec> const memory(ctx, net, x);
  CHECK(memory.frames() == 71);
  std::vector<ss::index> const examples{1, 0}, counts{33, 71};  // the other way round
  features turned({2, 3, 8});
  std::copy_n(q.data(), 24, turned.data() + 24), std::copy_n(q.data() + 24, 24, turned.data());
  auto const found = ctx.download(memory.attend(ctx, ctx.upload(turned), 1, memory.step(ctx, examples, counts), 2));
  detail::compare("row 0", {found.begin(), found.begin() + 24}, {expected.begin() + 24, expected.end()},
                  ss::tolerance_of<float>(ss::computed::reduction));
  detail::compare("row 1", {found.begin() + 24, found.end()}, {expected.begin(), expected.begin() + 24},
                  ss::tolerance_of<float>(ss::computed::reduction));
}

TEST_CASE("nn/cross_memory: what rows may not read is named") {
  using exec = ss::cpu::scalar<>;
  ss::workspace<exec> work;
  ss::transformer<any_shape, exec> const net(work, small);
  ss::inference<exec> ctx{work};
  ss::nn::cross_memory<any_shape, exec> const memory(ctx, net, ctx.upload(features({2, 3, 12})));
  std::vector<ss::index> const zero{0}, two{2}, four{4}, five{5};
  CHECK(memory.frames() == 4);
  CHECK_NOTHROW(memory.step(ctx, zero, four));
  CHECK_THROWS_WITH(memory.step(ctx, zero, zero), "cross_memory: the keys that a row sees = 0, expected 1 to 4");
  CHECK_THROWS_WITH(memory.step(ctx, zero, five), "cross_memory: the keys that a row sees = 5, expected 1 to 4");
  CHECK_THROWS_WITH(memory.step(ctx, two, four), "cross_memory: the example of a row = 2, expected 0 to 1");
  auto alone = small;
  alone.cross_attend = false;
  ss::transformer<any_shape, exec> const encoder(work, alone);
  CHECK_THROWS_WITH((ss::nn::cross_memory<any_shape, exec>(ctx, encoder, ctx.upload(features({2, 3, 12})))),
                    "cross_memory: the transformer has cross_attend = false, expected true");
}
