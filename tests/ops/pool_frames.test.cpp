#include "spearstorm/ops/pool_frames.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;
using mask_array = ss::array<ss::flag, batch<>, frames<>>;
using f64 = ss::cpu::scalar<ss::f64>;

TEST_CASE("ops/pool_frames: log-sum-exp and the maximum of two real frames, by hand") {
  ss::workspace<f64> work;
  double const t = 0.5;
  ss::recording<f64> ctx{work};
  // exp(x / t) is 1 and 3 in the first column, 2 and 2 in the second; the third frame is padding
  auto const x = ctx.leaf(ctx.upload(
      ss::array<double, batch<>, frames<>, dim<>>({1, 3, 2}, {0, t * std::log(2.0), t * std::log(3.0), t * std::log(2.0), 9, 9})));
  auto const mask = ctx.upload(mask_array({1, 3}, {1, 1, 0}));
  auto const run = [&](ss::ops::pool_options const& options) {
    auto const y = ss::ops::pool_frames(ctx, x, mask, options);                    // (batch, dim)
    auto const values = ctx.download(y);
    auto const g = ctx.gradients(ss::ops::sum(ctx, y));
    auto const dx = ctx.download(g.of(x));
    std::vector<double> all(values.begin(), values.end());
    all.insert(all.end(), dx.begin(), dx.end());
    return all;
  };
  double const four = t * std::log(4.0);
  detail::compare("log-sum-exp", run({.temperature = t}), {four, four, 0.25, 0.5, 0.75, 0.5, 0, 0}, {1e-12, 1e-12});
  detail::compare("maximum", run({.logsumexp = false}), {t * std::log(3.0), t * std::log(2.0), 0, 0.5, 1, 0.5, 0, 0}, {1e-12, 1e-12});
}

TEST_CASE("ops/pool_frames: all policies, gradients, threads, expressions; more columns than a task takes") {
  auto const x = random_array<batch<>, frames<>, dim<>>({2, 3, 67}, 1);
  mask_array const mask({2, 3}, {0, 1, 1, 1, 0, 1});
  for (bool smooth : {true, false}) {
    ss::ops::pool_options const options{.logsumexp = smooth, .temperature = 0.3};
    check_op([&](auto& ctx, auto const& of) { return ss::ops::pool_frames(ctx, of, {}, options); }, x);
    check_op(
        {.expressions = false}, [&](auto& ctx, auto const& of, auto const& real) { return ss::ops::pool_frames(ctx, of, real, options); },
        x, mask);
  }
}

TEST_CASE("ops/pool_frames: what padded frames hold changes no bit, large values neither overflow nor vanish") {
  for_each_policy<ss::f32>([]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    for (bool smooth : {true, false}) {
      auto const run = [&](float filler) {
        ss::workspace<Exec> work;
        ss::recording<Exec> ctx{work};
        auto host = ss::array<float, batch<>, frames<>, dim<>>({2, 3, 5}, 700.0f);
        for (ss::index j = 0; j < 5; ++j) host(0, 1, j) = filler, host(1, 2, j) = -700, host(1, 0, j) = -701;
        for (ss::index j = 0; j < 5; ++j) host(1, 1, j) = filler;
        auto const x = ctx.leaf(ctx.upload(host));
        auto const y =
            ss::ops::pool_frames(ctx, x, ctx.upload(mask_array({2, 3}, {1, 0, 1, 1, 0, 1})), {.logsumexp = smooth, .temperature = 0.1});
        auto const g = ctx.gradients(ss::ops::sum(ctx, y));
        auto const values = ctx.download(y);
        auto all = std::vector<float>(values.begin(), values.end());
        auto const back = ctx.download(g.of(x));
        all.insert(all.end(), back.begin(), back.end());
        return all;
      };
      auto const all = run(0);
      CHECK(run(std::numeric_limits<float>::quiet_NaN()) == all);
      CHECK(run(1e30f) == all);
      CHECK(all[0] == Approx(smooth ? 700 + 0.1 * std::log(2.0) : 700.0));
      CHECK(all[5] == Approx(smooth ? -700 + 0.1 * std::log1p(std::exp(-10.0)) : -700.0));
    }
  });
}

TEST_CASE("ops/pool_frames: what does not fit is named") {
  ss::workspace<f64> work;
  ss::inference<f64> ctx{work};
  auto const x = ctx.upload(ss::array<double, batch<>, frames<>, dim<>>({2, 3, 4}));
  CHECK_THROWS_WITH(ss::ops::pool_frames(ctx, x, ctx.upload(mask_array({2, 3}, {0, 1, 0, 0, 0, 0}))),
                    "pool_frames: example 1 has no real frame, expected 1 or more");
  CHECK_THROWS_WITH(ss::ops::pool_frames(ctx, x, ctx.upload(mask_array({2, 2}))), "pool_frames: x has frames = 3, mask expects frames = 2");
  CHECK_THROWS_WITH(ss::ops::pool_frames(ctx, x, ctx.upload(mask_array({1, 3}))), "pool_frames: x has batch = 2, mask expects batch = 1");
  CHECK_THROWS_WITH(ss::ops::pool_frames(ctx, x, {}, {.temperature = 0}), "pool_frames: temperature = 0, expected above 0");
  auto const none = ctx.upload(ss::array<double, batch<>, frames<>, dim<>>({2, 0, 4}));
  CHECK_THROWS_WITH(ss::ops::pool_frames(ctx, none), "pool_frames: x has frames = 0, expected 1 or more");
}
