#include "spearstorm/ops/rotary.hpp"

#include "attention_golden.hpp"

using namespace test;
using namespace ss::axes;

TEST_CASE("ops/rotary: one pair, turned by 0, 1 and 2 radians; one head of two pairs") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({1, 3, 2}, {1, 0, 1, 0, 0, 1}));
  auto const y = ctx.download(ss::ops::rotary(ctx, x, {.heads = 1}));
  auto const* at = y.data();
  for (double expected : {1., 0., std::cos(1.), std::sin(1.), -std::sin(2.), std::cos(2.)}) CHECK(*at++ == Approx(expected));

  auto const two = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({1, 2, 4}, {1, 2, 3, 4, 1, 2, 3, 4}));
  auto const turned = ctx.download(ss::ops::rotary(ctx, two, {.heads = 1, .theta = 100}));  // the second pair turns by 100^(-1/2)
  at = turned.data() + 4;
  for (double expected : {std::cos(1.) - 3 * std::sin(1.), 2 * std::cos(.1) - 4 * std::sin(.1), 3 * std::cos(1.) + std::sin(1.),
                          4 * std::cos(.1) + 2 * std::sin(.1)})
    CHECK(*at++ == Approx(expected));
}

TEST_CASE("ops/rotary: all policies, gradients, threads, expressions") {
  auto const f = [](auto& ctx, auto const& x) { return ss::ops::rotary(ctx, x, {.heads = 3, .theta = 50}); };
  check_op(f, random_array<batch<>, frames<>, dim<>>({2, 4, 18}, 1));
  check_op([](auto& ctx, auto const& x) { return ss::ops::rotary(ctx, x, {.heads = 1}); },
           random_array<batch<>, frames<>, dim<>>({1, 3, 22}, 2));
}

TEST_CASE("ops/rotary: output and gradient of soundstorm-pytorch") {
  golden const file("op_rotary");
  ss::sizes<4> const shape = {2, 3, 7, 6};
  ss::workspace<fastest> work;
  ss::recording<fastest> ctx{work};
  auto const x = ctx.leaf(ctx.upload(read_heads(file, "input.x", shape)));
  auto const y = ss::ops::rotary(ctx, x, {.heads = 3});
  auto const loss = ss::ops::sum(ctx, y * ctx.upload(read_heads(file, "grad_out", shape)));
  auto const g = ctx.gradients(loss);
  check_golden("output", ctx.download(y), read_heads(file, "output.y", shape));
  check_golden("gradient", ctx.download(g.of(x)), read_heads(file, "grad_in.x", shape));
}

TEST_CASE("ops/rotary: heads of odd size and options out of range are named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({1, 2, 9}));
  CHECK_THROWS_WITH(ss::ops::rotary(ctx, x, {.heads = 3}), "rotary: input has dim = 9, 3 heads of even size expect a multiple of 6");
  CHECK_THROWS_WITH(ss::ops::rotary(ctx, x, {.heads = 0}), "rotary: heads = 0, expected at least 1");
  CHECK_THROWS_WITH(ss::ops::rotary(ctx, x, {.heads = 1, .theta = 0}), "rotary: theta = 0, expected more than 0");
}

TEST_CASE("ops/rotary: neighbours are a pair where it is interleaved") {
  check_op([](auto& ctx, auto const& x) { return ss::ops::rotary(ctx, x, {.heads = 2, .interleaved = true}); },
           random_array<batch<>, frames<>, dim<>>({2, 5, 12}, 7));
  ss::workspace<ss::cpu::scalar<ss::f64>> work;
  ss::inference<ss::cpu::scalar<ss::f64>> ctx{work};
  auto const x = random_array<batch<>, frames<>, dim<>>({1, 4, 6}, 8);
  auto sorted = x;  // even features first, then odd ones
  for (int t = 0; t < 4; ++t)
    for (int i = 0; i < 3; ++i) sorted(0, t, i) = x(0, t, 2 * i), sorted(0, t, 3 + i) = x(0, t, 2 * i + 1);
  auto const turned = ctx.download(ss::ops::rotary(ctx, ctx.upload(x), {.heads = 1, .interleaved = true}));
  auto const halves = ctx.download(ss::ops::rotary(ctx, ctx.upload(sorted), {.heads = 1}));
  for (int t = 0; t < 4; ++t)
    for (int i = 0; i < 3; ++i) {
      CHECK(turned(0, t, 2 * i) == halves(0, t, i));
      CHECK(turned(0, t, 2 * i + 1) == halves(0, t, 3 + i));
    }
}
