#include "spearstorm/ops/dropout.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

namespace {

/// dropout of ones in a stochastic context.
template <class Exec = fastest>
auto dropped(ss::sizes<3> extents, double rate, ss::context_options options = {.stochastic = true}, std::uint64_t seed = 3) {
  ss::workspace<Exec> work{{.seed = seed}};
  ss::inference<Exec> ctx{work, options};
  return ctx.download(ss::ops::dropout(ctx, ctx.upload(ss::array<float, batch<>, frames<>, dim<>>(extents, 1.0f)), rate));
}

}  // namespace

TEST_CASE("ops/dropout: a kept element is doubled at rate 1/2, and the gradient has the same mask") {
  ss::workspace<fastest> work{{.seed = 1}};
  ss::recording<fastest> ctx{work, {.stochastic = true}};
  auto const x = ctx.leaf(ctx.upload(ss::array<float, rows<>, dim<>>({2, 20}, 3.0f)));
  auto const y = ss::ops::dropout(ctx, x, 0.5);
  auto const g = ctx.gradients(ss::ops::sum(ctx, y));
  auto const host = ctx.download(y);
  auto const dx = ctx.download(g.of(x));
  int kept = 0;
  for (ss::index i = 0; i < host.size(); ++i) {
    CHECK((host.data()[i] == 0 || host.data()[i] == 6));
    CHECK(dx.data()[i] == (host.data()[i] == 0 ? 0 : 2));
    kept += host.data()[i] != 0;
  }
  CHECK(kept > 5);
  CHECK(kept < 35);
}

TEST_CASE("ops/dropout: does nothing at rate 0 or without a stochastic context") {
  using same = ss::array<float, batch<>, frames<>, dim<>>;
  CHECK(dropped({2, 3, 4}, 0.0) == same({2, 3, 4}, 1.0f));
  CHECK(dropped({2, 3, 4}, 0.9, {}) == same({2, 3, 4}, 1.0f));
}

TEST_CASE("ops/dropout: keeps 1 - rate of the elements, and the mean of ones stays 1") {
  for (double rate : {0.1, 0.5, 0.9}) {
    auto const y = dropped({4, 100, 50}, rate);
    double kept = 0, total = 0, neighbours = 0;
    for (ss::index i = 0; i < y.size(); ++i) {
      kept += y.data()[i] != 0;
      total += y.data()[i];
      neighbours += i > 0 && y.data()[i] != 0 && y.data()[i - 1] != 0;
    }
    double const n = 20000, p = 1 - rate, five_sigma = 5 * std::sqrt(n * p * (1 - p));
    CHECK(std::abs(kept - n * p) < five_sigma);
    CHECK(std::abs(total * p - n * p) < five_sigma + 1);
    CHECK(std::abs(neighbours - n * p * p) < 10 * std::sqrt(n * p * p));  // independent of their neighbours
  }
}

TEST_CASE("ops/dropout: policies draw the same bits; seeds, calls and examples differ") {
  auto const one = dropped({4, 3, 19}, 0.4);
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    CHECK(dropped<Exec>({4, 3, 19}, 0.4) == one);
  });
  CHECK(dropped({4, 3, 19}, 0.4, {.stochastic = true}, 4) != one);
  auto const second_half = dropped({2, 3, 19}, 0.4, {.stochastic = true, .first_example = 2});  // as a second process would
  CHECK(std::equal(second_half.begin(), second_half.end(), one.begin() + 2 * 3 * 19));
  CHECK_FALSE(std::equal(one.begin(), one.begin() + 3 * 19, one.begin() + 3 * 19));
  ss::workspace<fastest> work;
  ss::inference<fastest> ctx{work, {.stochastic = true}};
  auto const x = ctx.upload(ss::array<float, rows<>, dim<>>({2, 40}, 1.0f));
  auto const first = ctx.download(ss::ops::dropout(ctx, x, 0.5));
  CHECK(ctx.download(ss::ops::dropout(ctx, x, 0.5)) != first);
}

TEST_CASE("ops/dropout: all policies, gradients, threads, expressions") {
  auto const f = [](auto& ctx, auto const& x) {  // the op itself: check_op's contexts are not stochastic
    return ss::record<ss::ops::dropout_op>(ctx, std::tuple{ctx.eval(x)}, 0.3, ss::random_stream{5, 1, 2});
  };
  check_op(f, random_array<batch<>, frames<>, dim<>>({2, 3, 19}, 1));
}

TEST_CASE("ops/dropout: a rate that is none is named") {
  CHECK_THROWS_WITH(dropped({1, 1, 1}, 1.0), "dropout: rate = 1, expected 0 to less than 1");
  CHECK_THROWS_WITH(dropped({1, 1, 1}, -0.5, {}), "dropout: rate = -0.5, expected 0 to less than 1");
  CHECK_THROWS_AS(dropped({1, 1, 1}, std::nan("")), ss::value_error);
}
