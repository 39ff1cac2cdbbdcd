#include "spearstorm/nn/transformer.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

namespace {

// Dynamic sizes: one instantiation for all shapes. Values and gradients are compared with the package in tests/spear_tts/goldens.
constexpr ss::transformer_shape open{.dim = ss::dynamic,
                                     .depth = ss::dynamic,
                                     .dim_head = ss::dynamic,
                                     .heads = ss::dynamic,
                                     .kv_heads = ss::dynamic,
                                     .ff_mult = ss::dynamic};
constexpr ss::transformer_shape small{.dim = 10, .depth = 2, .dim_head = 4, .heads = 4, .kv_heads = 2, .ff_mult = 2};
using exec = ss::cpu::scalar<ss::f64>;
using host = ss::array<double, batch<>, frames<>, dim<>>;

host run(ss::transformer_shape shape, host const& x, ss::ops::frame_mask const& = {}) {
  ss::workspace<exec> work{{.seed = 3}};
  ss::transformer<open, exec> net{work, shape};
  ss::inference<exec> ctx{work};
  return ctx.download(net(ctx, ctx.upload(x)));
}
host run_masked(ss::transformer_shape shape, host const& x, ss::array<ss::flag, batch<>, frames<>> const& mask) {
  ss::workspace<exec> work{{.seed = 3}};
  ss::transformer<open, exec> net{work, shape};
  ss::inference<exec> ctx{work};
  return ctx.download(net(ctx, ctx.upload(x), ctx.upload(mask)));
}

}  // namespace

TEST_CASE("nn/transformer: a causal one does not look ahead, another does") {
  auto x = random_array<batch<>, frames<>, dim<>>({1, 5, 10}, 1);
  auto shape = small;
  shape.causal = true;
  auto const before = run(shape, x), open_before = run(small, x);
  for (int d = 0; d < 10; ++d) x(0, 4, d) += 1;
  auto const after = run(shape, x), open_after = run(small, x);
  for (int t = 0; t < 4; ++t)
    for (int d = 0; d < 10; ++d) CHECK(before(0, t, d) == after(0, t, d));
  CHECK(before(0, 4, 0) != after(0, 4, 0));
  CHECK(open_before(0, 0, 0) != open_after(0, 0, 0));
}

TEST_CASE("nn/transformer: rows may be padded on either side") {
  auto const x = random_array<batch<>, frames<>, dim<>>({1, 4, 10}, 2);
  auto const alone = run(small, x);
  host wide({2, 6, 10}, 7.5);  // once behind two frames of padding, once before
  for (int t = 0; t < 4; ++t)
    for (int d = 0; d < 10; ++d) wide(0, t + 2, d) = wide(1, t, d) = x(0, t, d);
  ss::array<ss::flag, batch<>, frames<>> const mask({2, 6}, {0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0});
  auto const y = run_masked(small, wide, mask);
  for (int t = 0; t < 4; ++t)
    for (int d = 0; d < 10; ++d) {
      CHECK(y(0, t + 2, d) == Approx(alone(0, t, d)).epsilon(1e-12));  // rotary knows distances only
      CHECK(y(1, t, d) == Approx(alone(0, t, d)).epsilon(1e-12));
    }
  auto const starts = std::vector<ss::index>{2, 0};
  auto const left = ss::nn::mask_from_start(starts, 3);
  CHECK(std::vector<ss::flag>(left.begin(), left.end()) == std::vector<ss::flag>{0, 0, 1, 1, 1, 1});
}

TEST_CASE("nn/transformer: hidden states, and a context that is hidden") {
  ss::workspace<exec> work{{.seed = 4}};
  auto shape = small;
  shape.causal = shape.cross_attend = true;
  ss::transformer<open, exec> net{work, shape};
  ss::inference<exec> ctx{work};
  auto const x = ctx.upload(random_array<batch<>, frames<>, dim<>>({1, 3, 10}, 5));
  auto const one = ctx.upload(random_array<batch<>, frames<>, dim<>>({1, 4, 10}, 6)),
             other = ctx.upload(random_array<batch<>, frames<>, dim<>>({1, 4, 10}, 7));
  using flags = ss::array<ss::flag, batch<>, frames<>>;
  auto const all = ctx.upload(flags({1, 5}, ss::flag{1})), null_only = ctx.upload(flags({1, 5}, {1, 0, 0, 0, 0}));
  std::vector<host> hiddens;
  auto const y = ctx.download(net(ctx, x, {}, one, all, [&](ss::index layer, auto const& h) {
    CHECK(layer == static_cast<ss::index>(hiddens.size()) + 1);
    hiddens.push_back(ctx.download(h));
  }));
  REQUIRE(hiddens.size() == 2);
  auto const last = ctx.download(net.final_norm(ctx, ctx.upload(hiddens[1])));
  CHECK(std::equal(y.begin(), y.end(), last.begin(), last.end()));

  auto const with_other = ctx.download(net(ctx, x, {}, other, all));
  CHECK_FALSE(std::equal(y.begin(), y.end(), with_other.begin(), with_other.end()));
  auto const hidden_one = ctx.download(net(ctx, x, {}, one, null_only)), hidden_other = ctx.download(net(ctx, x, {}, other, null_only));
  CHECK(std::equal(hidden_one.begin(), hidden_one.end(), hidden_other.begin(), hidden_other.end()));

  CHECK_THROWS_WITH(net(ctx, x), "transformer: it attends to a context, but none is given");
}

TEST_CASE("nn/transformer: sizes that do not fit are named") {
  auto const complaint = [](ss::transformer_shape shape) { return [shape] { ss::nn::resolve(open, shape); }; };
  CHECK_THROWS_WITH(complaint({.dim = 8, .heads = 4, .kv_heads = 3})(),
                    "transformer: kv_heads = 3, expected a number that divides heads = 4");
  CHECK_THROWS_WITH(complaint({.dim = 8, .dim_head = 5})(), "transformer: dim_head = 5, rotary expects an even one");
  CHECK_THROWS_WITH(complaint({.dim = 1, .ff_mult = 1})(), "transformer: dim * ff_mult * 2 / 3 = 0 of dim = 1, expected 1 or more");
  CHECK_THROWS_WITH(ss::nn::resolve(small, {.dim = 12}), "transformer: dim = 12, its type says 10");
}
