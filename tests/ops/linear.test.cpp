#include "spearstorm/ops/linear.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

TEST_CASE("ops/linear: a product that can be checked by hand") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, rows<>, dim<>>({1, 2}, {1, 2}));
  auto const w = ctx.upload(ss::array<float, out<>, in<>>({3, 2}, {1, 0, 0, 1, 1, 1}));
  auto const b = ctx.upload(ss::array<float, out<>>({3}, {0, 10, -5}));
  auto const y = ctx.download(ss::ops::linear(ctx, x, w, b));
  CHECK(y == ss::array<float, rows<>, dim<>>({1, 3}, {1, 12, -2}));
  auto const r = ctx.download(ss::ops::linear(ctx, x, w, b, ss::relu));
  CHECK(r == ss::array<float, rows<>, dim<>>({1, 3}, {1, 12, 0}));
}

TEST_CASE("ops/linear: all policies, gradients, threads, expressions") {
  auto const x = random_array<batch<>, frames<>, dim<>>({2, 5, 7}, 1);
  auto const w = random_array<out<>, in<>>({6, 7}, 2);
  auto const b = random_array<out<>>({6}, 3);
  check_op([](auto& ctx, auto const&... args) { return ss::ops::linear(ctx, args...); }, x, w, b);
  check_op([](auto& ctx, auto const&... args) { return ss::ops::linear(ctx, args...); }, x, w);
  check_op([](auto& ctx, auto const&... args) { return ss::ops::linear(ctx, args..., ss::silu); }, x, w, b);
}

TEST_CASE("ops/linear: enough rows and columns for several tiles give the same bits for any number of threads") {
  auto const x = random_array<rows<>, dim<>>({450, 33}, 4);
  auto const w = random_array<out<>, in<>>({70, 33}, 5, 0.2);
  auto const f = [](auto& ctx, auto const&... args) { return ss::ops::linear(ctx, args...); };
  auto const one = test::detail::run<fastest>(f, {.threads = 1}, x, w);
  CHECK(test::detail::run<fastest>(f, {.threads = 2}, x, w) == one);
  CHECK(test::detail::run<fastest>(f, {.threads = 3}, x, w) == one);
}

TEST_CASE("ops/linear: sizes that do not fit are named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, rows<>, dim<>>({1, 384}));
  auto const w = ctx.upload(ss::array<float, out<>, in<>>({3, 512}));
  CHECK_THROWS_WITH(ss::ops::linear(ctx, x, w), "linear: input has dim = 384, weight expects dim = 512");
}
