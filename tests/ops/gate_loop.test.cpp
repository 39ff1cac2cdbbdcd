#include "spearstorm/ops/gate_loop.hpp"

#include <limits>

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

using reference = ss::cpu::scalar<ss::f64>;
using activations = ss::array<double, batch<>, frames<>, dim<>>;

namespace {

/// Numbers in (0, 1), as sigmoids give.
activations gates(ss::sizes<3> extents, std::uint64_t seed) {
  auto made = random_array<batch<>, frames<>, dim<>>(extents, seed);
  for (double& x : made.values()) x = 1 / (1 + std::exp(-x));
  return made;
}

ss::array<ss::flag, batch<>, frames<>> two_masks() { return {{2, 5}, {1, 0, 1, 1, 0, 0, 1, 1, 1, 1}}; }

}  // namespace

TEST_CASE("ops/gate_loop: three frames that can be checked by hand") {
  ss::workspace<reference> work;
  ss::inference<reference> ctx{work};
  auto const q = ctx.upload(activations({1, 3, 1}, {1, 10, 100}));
  auto const kv = ctx.upload(activations({1, 3, 1}, {8, 2, 1}));
  auto const a = ctx.upload(activations({1, 3, 1}, {0.25, 0.5, 0.5}));
  auto const forth = ctx.download(ss::ops::gate_loop(ctx, q, kv, a));  // states 8, 6, 4
  CHECK(forth(0, 0, 0) == 8);
  CHECK(forth(0, 1, 0) == 60);
  CHECK(forth(0, 2, 0) == 400);
  auto const back = ctx.download(ss::ops::gate_loop(ctx, q, kv, a, {.reverse = true}));  // states 1, 2.5, 8.625
  CHECK(back(0, 0, 0) == 8.625);
  CHECK(back(0, 1, 0) == 25);
  CHECK(back(0, 2, 0) == 100);
  auto const mask = ctx.upload(ss::array<ss::flag, batch<>, frames<>>({1, 3}, {1, 0, 1}));
  auto const masked = ctx.download(ss::ops::gate_loop(ctx, q, kv, a, {.mask = mask}));  // states 8, 8, 5
  CHECK(masked(0, 0, 0) == 8);
  CHECK(masked(0, 1, 0) == 0);
  CHECK(masked(0, 2, 0) == 500);
}

TEST_CASE("ops/gate_loop: all policies, gradients, threads, expressions, both ways, masked or not") {
  ss::sizes<3> const extents{2, 5, 19};
  auto const q = random_array<batch<>, frames<>, dim<>>(extents, 1), kv = random_array<batch<>, frames<>, dim<>>(extents, 2);
  auto const a = gates(extents, 3);
  check_op([](auto& ctx, auto const&... x) { return ss::ops::gate_loop(ctx, x...); }, q, kv, a);
  for (bool reverse : {false, true})
    check_op(
        {.expressions = false},
        [reverse](auto& ctx, auto const& qs, auto const& kvs, auto const& as, auto const& mask) {
          return ss::ops::gate_loop(ctx, qs, kvs, as, {.reverse = reverse, .mask = mask});
        },
        q, kv, a, two_masks());
  check_op({.expressions = false}, [](auto& ctx, auto const&... x) { return ss::ops::gate_loop(ctx, x..., {.reverse = true}); }, q, kv, a);
}

TEST_CASE("ops/gate_loop: what padding holds changes neither results nor gradients, not a bit") {
  for_each_policy<ss::f32>([]<class Exec>(std::type_identity<Exec>, char const* name) {
    ss::sizes<3> const extents{2, 5, 19};
    auto const run = [&](bool reverse, float filler) {
      ss::workspace<Exec> work;
      ss::recording<Exec> ctx{work};
      auto const mask = two_masks();
      auto const entered = [&](auto host) {
        for (ss::index i = 0; i < host.size(); ++i)
          if (!mask.data()[i / 19]) host.data()[i] = filler;
        return ctx.leaf(ctx.upload(host));
      };
      auto const q = entered(random_array<batch<>, frames<>, dim<>>(extents, 1)),
                 kv = entered(random_array<batch<>, frames<>, dim<>>(extents, 2)), a = entered(gates(extents, 3));
      auto const y = ss::ops::gate_loop(ctx, q, kv, a, {.reverse = reverse, .mask = ctx.upload(mask)});
      auto const g = ctx.gradients(ss::ops::sum(ctx, y * y));
      std::vector<float> all;
      for (auto const& x : {y, g.of(q), g.of(kv), g.of(a)}) {
        auto const host = ctx.download(x);
        all.insert(all.end(), host.begin(), host.end());
      }
      return all;
    };
    for (bool reverse : {false, true}) {
      INFO(name << " reverse " << reverse);
      auto const clean = run(reverse, 0);
      CHECK(run(reverse, 1e20f) == clean);
      CHECK(run(reverse, std::numeric_limits<float>::quiet_NaN()) == clean);
    }
  });
}

TEST_CASE("ops/gate_loop: only the gradients asked for") {
  ss::workspace<reference> work;
  ss::recording<reference> ctx{work};
  auto const q = ctx.upload(activations({1, 2, 1}, {3, 5}));
  auto const kv = ctx.upload(activations({1, 2, 1}, {2, 1}));
  auto const a = ctx.leaf(ctx.upload(activations({1, 2, 1}, {0.5, 0.5})));
  auto const g = ctx.gradients(ss::ops::sum(ctx, ss::ops::gate_loop(ctx, q, kv, a)));  // y = 6, 5 (2 a_1 + 1)
  auto const da = ctx.download(g.of(a));
  CHECK(da(0, 0, 0) == 0);
  CHECK(da(0, 1, 0) == 10);
}

TEST_CASE("ops/gate_loop: frames in parts, with the state handed on, give the bits of all at once") {
  for_each_policy<ss::f32>([]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    ss::workspace<Exec> work;
    ss::inference<Exec> ctx{work};
    ss::sizes<3> const extents{2, 7, 19};
    auto const q = random_array<batch<>, frames<>, dim<>>(extents, 1), kv = random_array<batch<>, frames<>, dim<>>(extents, 2);
    auto const a = gates(extents, 3);
    auto const full = ctx.download(ss::ops::gate_loop(ctx, ctx.upload(q), ctx.upload(kv), ctx.upload(a)));
    auto const part = [&](activations const& from, ss::index first, ss::index count) {
      activations made({2, count, 19});
      for (ss::index b = 0; b < 2; ++b)
        for (ss::index t = 0; t < count; ++t)
          for (ss::index j = 0; j < 19; ++j) made(b, t, j) = from(b, first + t, j);
      return ctx.upload(made);
    };
    auto state = ctx.upload(ss::array<float, batch<>, dim<>>({2, 19}));
    ss::index first = 0;
    for (ss::index count : {3, 1, 1, 2}) {
      auto const made = ss::ops::gate_loop_step(ctx, part(q, first, count), part(kv, first, count), part(a, first, count), state);
      auto const y = ctx.download(made.y);
      for (ss::index b = 0; b < 2; ++b)
        for (ss::index t = 0; t < count; ++t)
          for (ss::index j = 0; j < 19; ++j) CHECK(y(b, t, j) == full(b, first + t, j));
      state = made.state;
      first += count;
    }
  });
}

TEST_CASE("ops/gate_loop: what does not fit is named") {
  ss::workspace<reference> work;
  ss::inference<reference> ctx{work};
  auto const q = ctx.upload(activations({2, 3, 4})), kv = ctx.upload(activations({2, 3, 5})), a = ctx.upload(activations({2, 2, 4}));
  CHECK_THROWS_WITH(ss::ops::gate_loop(ctx, q, kv, q), "gate_loop: q has dim = 4, kv expects dim = 5");
  CHECK_THROWS_WITH(ss::ops::gate_loop(ctx, q, q, a), "gate_loop: q has frames = 3, a expects frames = 2");
  auto const mask = ctx.upload(ss::array<ss::flag, batch<>, frames<>>({1, 3}));
  CHECK_THROWS_WITH(ss::ops::gate_loop(ctx, q, q, q, {.mask = mask}), "gate_loop: q has batch = 2, mask expects batch = 1");
  auto const state = ctx.upload(ss::array<double, batch<>, dim<>>({3, 4}));
  CHECK_THROWS_WITH(ss::ops::gate_loop_step(ctx, q, q, q, state), "gate_loop: q has batch = 2, state expects batch = 3");
  auto const none = ctx.upload(activations({3, 0, 4}));
  CHECK_THROWS_WITH(ss::ops::gate_loop_step(ctx, none, none, none, state), "gate_loop: frames = 0, expected 1 or more");
}
