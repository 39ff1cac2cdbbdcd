#include "spearstorm/ops/contract_heads.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

using reference = ss::cpu::scalar<ss::f64>;
using heads_array = ss::array<double, levels<>, out<>, in<>>;

TEST_CASE("ops/contract_heads: two levels that can be checked by hand") {
  ss::workspace<reference> work;
  ss::inference<reference> ctx{work};
  auto const head = ctx.upload(heads_array({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
  auto const y = ctx.download(ss::ops::contract_heads(ctx, head, ctx.upload(ss::array<double, out<>>({2}, {10, 1}))));
  CHECK(y(0, 0) == 13);
  CHECK(y(0, 1) == 24);
  CHECK(y(1, 0) == 57);
  CHECK(y(1, 1) == 68);
  auto const total = ctx.download(ss::ops::sum_levels(ctx, head));
  CHECK(total(0, 0) == 6);
  CHECK(total(0, 1) == 8);
  CHECK(total(1, 0) == 10);
  CHECK(total(1, 1) == 12);
}

TEST_CASE("ops/contract_heads: all policies, gradients, threads, expressions") {
  auto const head = random_array<levels<>, out<>, in<>>({3, 5, 7}, 1);
  check_op([](auto& ctx, auto const&... args) { return ss::ops::contract_heads(ctx, args...); }, head, random_array<out<>>({5}, 2));
  check_op([](auto& ctx, auto const& x) { return ss::ops::sum_levels(ctx, x); }, head);
}

TEST_CASE("ops/contract_heads: applied to an input it is the weight applied to what the heads make of it") {
  ss::workspace<reference> work;
  ss::inference<reference> ctx{work};
  auto const head = random_array<levels<>, out<>, in<>>({2, 4, 3}, 1);
  auto const weight = random_array<out<>>({4}, 2);
  auto const x = random_array<in<>>({3}, 3);
  auto const y = ctx.download(ss::ops::contract_heads(ctx, ctx.upload(head), ctx.upload(weight)));
  for (ss::index l = 0; l < 2; ++l) {
    double through = 0, direct = 0;
    for (ss::index o = 0; o < 4; ++o)
      for (ss::index i = 0; i < 3; ++i) through += weight(o) * head(l, o, i) * x(i);
    for (ss::index i = 0; i < 3; ++i) direct += y(l, i) * x(i);
    CHECK(direct == Approx(through));
  }
}

TEST_CASE("ops/contract_heads: a weight of another size is named") {
  ss::workspace<reference> work;
  ss::inference<reference> ctx{work};
  auto const head = ctx.upload(heads_array({2, 3, 4}));
  CHECK_THROWS_WITH(ss::ops::contract_heads(ctx, head, ctx.upload(ss::array<double, out<>>({4}))),
                    "contract_heads: weight has out = 4, head expects out = 3");
}
