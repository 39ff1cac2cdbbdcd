#include "spearstorm/ops/streams.hpp"

#include "check_op.hpp"
#include "spearstorm/ops/add_to_streams.hpp"
#include "spearstorm/ops/mix_streams.hpp"

using namespace test;
using namespace ss::axes;

using reference = ss::cpu::scalar<ss::f64>;
using one_stream = ss::array<double, batch<>, frames<>, dim<>>;
using many_streams = ss::array<double, batch<>, frames<>, streams<>, dim<>>;
using weights = ss::array<double, batch<>, frames<>, streams<>, mixes<>>;

namespace {

bool equal(auto const& found, std::vector<double> const& expected) { return std::vector<double>(found.begin(), found.end()) == expected; }

}  // namespace

TEST_CASE("ops/streams: expand, mix, add and sum of two frames that can be checked by hand") {
  ss::workspace<reference> work;
  ss::inference<reference> ctx{work};
  auto const wide = ss::ops::expand_streams(ctx, ctx.upload(one_stream({1, 2, 1}, {3, 5})), 2);
  CHECK(wide.extents() == ss::sizes<4>{1, 2, 2, 1});
  CHECK(equal(ctx.download(wide), {3, 3, 5, 5}));
  CHECK(equal(ctx.download(ss::ops::sum_streams(ctx, ctx.upload(many_streams({1, 2, 2, 1}, {1, 2, 3, 4})))), {3, 7}));

  auto const x = ctx.upload(many_streams({1, 1, 2, 2}, {1, 2, 10, 20}));     // two streams of two features
  auto const alpha = ctx.upload(weights({1, 1, 2, 3}, {1, 0, 2, 1, 3, 0}));  // rows: streams, columns: mixes
  CHECK(equal(ctx.download(ss::ops::mix_streams(ctx, x, alpha)), {11, 22, 30, 60, 2, 4}));
  CHECK(equal(ctx.download(ss::ops::mix_streams(ctx, x, alpha, 1, 2)), {30, 60, 2, 4}));
  CHECK(equal(ctx.download(ss::ops::mix_one(ctx, x, alpha, 0)), {11, 22}));
  CHECK(ss::ops::mix_streams(ctx, x, alpha, 3, 0).size() == 0);

  auto const beta = ctx.upload(ss::array<double, batch<>, frames<>, streams<>>({1, 1, 2}, {1, -1}));
  CHECK(equal(ctx.download(ss::ops::add_to_streams(ctx, x, ctx.upload(one_stream({1, 1, 2}, {5, 7})), beta)), {6, 9, 5, 13}));
}

TEST_CASE("ops/streams: expand and sum on all policies, gradients, threads, expressions") {
  check_op([](auto& ctx, auto const& x) { return ss::ops::expand_streams(ctx, x, 3); },
           random_array<batch<>, frames<>, dim<>>({2, 3, 11}, 1));
  check_op([](auto& ctx, auto const& x) { return ss::ops::sum_streams(ctx, x); },
           random_array<batch<>, frames<>, streams<>, dim<>>({2, 3, 4, 11}, 1));
  check_op(
      {.expressions = false}, [](auto& ctx, auto const& x) { return ss::ops::expand_streams(ctx, x, 1); },
      random_array<batch<>, frames<>, dim<>>({1, 2, 1}, 1));
}

TEST_CASE("ops/mix_streams: all policies, gradients, threads, expressions; mixes apart equal mixes together") {
  auto const x = random_array<batch<>, frames<>, streams<>, dim<>>({2, 3, 3, 11}, 1);
  auto const alpha = random_array<batch<>, frames<>, streams<>, mixes<>>({2, 3, 3, 4}, 2);
  check_op([](auto& ctx, auto const&... args) { return ss::ops::mix_streams(ctx, args...); }, x, alpha);
  check_op({.expressions = false}, [](auto& ctx, auto const&... args) { return ss::ops::mix_streams(ctx, args..., 1, 2); }, x, alpha);
  check_op({.expressions = false}, [](auto& ctx, auto const&... args) { return ss::ops::mix_one(ctx, args..., 2); }, x, alpha);

  ss::workspace<reference> work;
  ss::recording<reference> ctx{work};
  auto const xs = ctx.leaf(ctx.upload(x));
  auto const by = ctx.leaf(ctx.upload(alpha));
  auto const seed = ctx.upload(random_array<batch<>, frames<>, streams<>, dim<>>({2, 3, 4, 11}, 3));
  auto const all = ctx.gradients(ss::ops::sum(ctx, ss::ops::mix_streams(ctx, xs, by) * seed));
  auto const head = ss::ops::mix_one(ctx, xs, by, 0);
  auto const tail = ss::ops::mix_streams(ctx, xs, by, 1, 3);
  auto const first = ss::ops::mix_streams(ctx, seed, ctx.upload([] {  // picks stream 0 of the seed
    weights pick({2, 3, 4, 1});
    for (ss::index row = 0; row < 6; ++row) pick.data()[row * 4] = 1;
    return pick;
  }()));
  auto const rest = ss::ops::mix_streams(ctx, seed, ctx.upload([] {  // streams 1 to 3
    weights pick({2, 3, 4, 3});
    for (ss::index row = 0; row < 6; ++row)
      for (ss::index m = 0; m < 3; ++m) pick.data()[row * 12 + (m + 1) * 3 + m] = 1;
    return pick;
  }()));
  auto const loss =
      ctx.eval(ss::ops::sum(ctx, head * ss::view<batch<>, frames<>, dim<>>(first, {2, 3, 11})) + ss::ops::sum(ctx, tail * rest));
  auto const parts = ctx.gradients(loss);
  auto const close = [&](auto const& found, auto const& expected) {
    auto const f = ctx.download(found), e = ctx.download(expected);
    test::detail::compare("apart and together", {f.begin(), f.end()}, {e.begin(), e.end()}, {1e-12, 1e-12});
  };
  close(parts.of(xs), all.of(xs));
  close(parts.of(by), all.of(by));
}

TEST_CASE("ops/add_to_streams: all policies, gradients, threads, expressions") {
  check_op([](auto& ctx, auto const&... args) { return ss::ops::add_to_streams(ctx, args...); },
           random_array<batch<>, frames<>, streams<>, dim<>>({2, 3, 3, 11}, 1), random_array<batch<>, frames<>, dim<>>({2, 3, 11}, 2),
           random_array<batch<>, frames<>, streams<>>({2, 3, 3}, 3));
}

TEST_CASE("ops/streams: what does not fit is named") {
  ss::workspace<reference> work;
  ss::inference<reference> ctx{work};
  auto const x = ctx.upload(many_streams({1, 2, 3, 4}));
  auto const few = ctx.upload(weights({1, 2, 2, 3})), alpha = ctx.upload(weights({1, 2, 3, 4}));
  CHECK_THROWS_WITH(ss::ops::mix_streams(ctx, x, few), "mix_streams: x has streams = 3, alpha expects streams = 2");
  CHECK_THROWS_WITH(ss::ops::mix_streams(ctx, x, alpha, 2, 3), "mix_streams: count = 3, expected 0 to 2");
  CHECK_THROWS_WITH(ss::ops::mix_streams(ctx, x, alpha, 5, 0), "mix_streams: first = 5, expected 0 to 4");
  CHECK_THROWS_WITH(ss::ops::mix_one(ctx, x, alpha, 4), "mix_one: which = 4, expected 0 to 3");
  auto const branch = ctx.upload(one_stream({1, 2, 5}));
  auto const beta = ctx.upload(ss::array<double, batch<>, frames<>, streams<>>({1, 2, 3}));
  CHECK_THROWS_WITH(ss::ops::add_to_streams(ctx, x, branch, beta), "add_to_streams: residual has dim = 4, branch expects dim = 5");
  CHECK_THROWS_WITH(ss::ops::expand_streams(ctx, branch, 0), "expand_streams: streams = 0, expected 1 or more");
}
