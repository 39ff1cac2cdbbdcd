#include "spearstorm/ops/streams.hpp"

#include "check_op.hpp"
#include "spearstorm/ops/connect_streams.hpp"
#include "spearstorm/ops/linear.hpp"
#include "spearstorm/ops/mix_streams.hpp"
#include "spearstorm/ops/rms_norm.hpp"
#include "spearstorm/ops/stream_weights.hpp"

using namespace test;
using namespace ss::axes;

using reference = ss::cpu::scalar<ss::f64>;
using one_stream = ss::array<double, batch<>, frames<>, dim<>>;
using many_streams = ss::array<double, batch<>, frames<>, streams<>, dim<>>;
using weights = ss::array<double, batch<>, frames<>, streams<>, mixes<>>;

namespace {

bool equal(auto const& found, std::vector<double> const& expected) { return std::vector<double>(found.begin(), found.end()) == expected; }

}  // namespace

TEST_CASE("ops/streams: expand, mix, connect and sum of two frames that can be checked by hand") {
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

  auto const both = ctx.upload(weights({1, 1, 2, 4}, {9, 1, 0, 1, 9, 2, 1, -1}));  // columns: not read here, two streams, the branch
  CHECK(equal(ctx.download(ss::ops::connect_streams(ctx, x, both, ctx.upload(one_stream({1, 1, 2}, {5, 7})))), {26, 49, 5, 13}));
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

TEST_CASE("ops/connect_streams: all policies, gradients, threads, expressions") {
  check_op([](auto& ctx, auto const&... args) { return ss::ops::connect_streams(ctx, args...); },
           random_array<batch<>, frames<>, streams<>, dim<>>({2, 3, 3, 11}, 1),
           random_array<batch<>, frames<>, streams<>, mixes<>>({2, 3, 3, 5}, 2), random_array<batch<>, frames<>, dim<>>({2, 3, 11}, 3));
}

namespace {

/// Streams of 11 features and the layer's parameters, more rows than a sum's chunk holds.
struct weighing {
  many_streams x = random_array<batch<>, frames<>, streams<>, dim<>>({2, 35, 3, 11}, 1);
  ss::array<double, dim<>> gamma = random_array<dim<>>({11}, 2, 0.3);
  ss::array<double, mixes<>, dim<>> alpha_fn = random_array<mixes<>, dim<>>({4, 11}, 3, 0.3);
  ss::array<double, dim<>> alpha_scale = random_array<dim<>>({1}, 4);
  ss::array<double, streams<>, mixes<>> alpha = random_array<streams<>, mixes<>>({3, 4}, 5);
  ss::array<double, dim<>> beta_fn = random_array<dim<>>({11}, 6, 0.3), beta_scale = random_array<dim<>>({1}, 7);
  ss::array<double, streams<>> beta = random_array<streams<>>({3}, 8);

  void check(check_options options, auto const& f) const {
    check_op(options, f, x, gamma, alpha_fn, alpha_scale, alpha, beta_fn, beta_scale, beta);
  }
};

}  // namespace

TEST_CASE("ops/stream_weights: all policies, gradients, threads, expressions") {
  weighing{}.check({}, [](auto& ctx, auto const&... args) { return ss::ops::stream_weights(ctx, args...); });
}

TEST_CASE("ops/stream_weights: equal to the norm, the products and the expression that it replaces") {
  weighing const given;
  auto const apart = [](auto& ctx, auto const& x, auto const& gamma, auto const& alpha_fn, auto const& alpha_scale, auto const& alpha,
                        auto const& beta_fn, auto const& beta_scale, auto const& beta) {
    auto const number = [](auto const& of) { return ss::view<>(of, ss::sizes<0>{}); };
    auto const h = ss::ops::rms_norm(ctx, x, gamma, {.offset = 1});
    auto const a = ctx.eval(tanh(ss::ops::linear<mixes<>>(ctx, h, alpha_fn)) * number(alpha_scale) + alpha);
    auto const read = ss::ops::linear<mixes<>>(ctx, h, ss::view<mixes<>, dim<>>(beta_fn, {1, 11}));
    auto const b = ctx.eval(tanh(ss::view<batch<>, frames<>, streams<>>(read, {2, 35, 3})) * number(beta_scale) + beta);
    return std::pair{a, b};
  };
  ss::workspace<reference> work;
  auto const run = [&](auto const& f) {
    ss::recording<reference> ctx{work};
    auto const leaf = [&](auto const& host) { return ctx.leaf(ctx.upload(host)); };
    auto const inputs = std::tuple{leaf(given.x),     leaf(given.gamma),   leaf(given.alpha_fn),   leaf(given.alpha_scale),
                                   leaf(given.alpha), leaf(given.beta_fn), leaf(given.beta_scale), leaf(given.beta)};
    auto const loss = std::apply([&](auto const&... args) { return f(ctx, args...); }, inputs);
    auto const g = ctx.gradients(loss);
    std::vector<double> all{ctx.item(loss)};
    auto const add = [&](auto const& x) {
      auto const host = ctx.download(g.of(x));
      all.insert(all.end(), host.begin(), host.end());
    };
    std::apply([&](auto const&... args) { (add(args), ...); }, inputs);
    return all;
  };
  auto const seed = random_array<batch<>, frames<>, streams<>, mixes<>>({2, 35, 3, 5}, 9);
  auto const together = run([&](auto& ctx, auto const&... args) {
    return ctx.eval(ss::ops::sum(ctx, ss::ops::stream_weights(ctx, args...) * ctx.upload(seed)));
  });
  weights alpha_seed({2, 35, 3, 4});
  ss::array<double, batch<>, frames<>, streams<>> beta_seed({2, 35, 3});
  for (ss::index row = 0; row < beta_seed.size(); ++row) {
    for (ss::index j = 0; j < 4; ++j) alpha_seed.data()[row * 4 + j] = seed.data()[row * 5 + j];
    beta_seed.data()[row] = seed.data()[row * 5 + 4];
  }
  auto const parts = run([&](auto& ctx, auto const&... args) {
    auto const made = apart(ctx, args...);
    return ctx.eval(ss::ops::sum(ctx, made.first * ctx.upload(alpha_seed)) + ss::ops::sum(ctx, made.second * ctx.upload(beta_seed)));
  });
  test::detail::compare("together and apart", together, parts, {1e-10, 1e-10});
}

TEST_CASE("ops/stream_weights: a stream of zeros has the static weights, and no gradient of its length") {
  weighing given;
  std::fill(given.x.data(), given.x.data() + 11, 0.0);
  ss::workspace<reference> work;
  ss::recording<reference> ctx{work};
  auto const x = ctx.leaf(ctx.upload(given.x));
  auto const y =
      ss::ops::stream_weights(ctx, x, ctx.upload(given.gamma), ctx.upload(given.alpha_fn), ctx.upload(given.alpha_scale),
                              ctx.upload(given.alpha), ctx.upload(given.beta_fn), ctx.upload(given.beta_scale), ctx.upload(given.beta));
  auto const host = ctx.download(y);
  for (ss::index j = 0; j < 4; ++j) CHECK(host(0, 0, 0, j) == given.alpha(0, j));
  CHECK(host(0, 0, 0, 4) == given.beta(0));
  auto const g = ctx.gradients(ss::ops::sum(ctx, y));
  for (double dx : ctx.download(g.of(x))) REQUIRE(std::isfinite(dx));
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
  auto const w = ctx.upload(weights({1, 2, 3, 5}));
  CHECK_THROWS_WITH(ss::ops::connect_streams(ctx, x, w, branch), "connect_streams: branch has dim = 5, x expects dim = 4");
  CHECK_THROWS_WITH(ss::ops::connect_streams(ctx, x, alpha, branch), "connect_streams: weights has mixes = 4, x expects mixes = 5");
  weighing const given;
  auto const weigh = [&](auto const& fn, auto const& alpha_of) {
    return ss::ops::stream_weights(ctx, ctx.upload(given.x), ctx.upload(given.gamma), ctx.upload(fn), ctx.upload(given.alpha_scale),
                                   ctx.upload(alpha_of), ctx.upload(given.beta_fn), ctx.upload(given.beta_scale), ctx.upload(given.beta));
  };
  using projection = ss::array<double, mixes<>, dim<>>;
  CHECK_THROWS_WITH(weigh(projection({3, 11}), given.alpha), "stream_weights: alpha_fn has mixes = 3, x expects mixes = 4");
  CHECK_THROWS_WITH(weigh(given.alpha_fn, ss::array<double, streams<>, mixes<>>({2, 4})),
                    "stream_weights: alpha has streams = 2, x expects streams = 3");
  CHECK_THROWS_WITH(ss::ops::expand_streams(ctx, branch, 0), "expand_streams: streams = 0, expected 1 or more");
}
