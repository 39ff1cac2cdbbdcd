#include "spearstorm/ops/gated_linear.hpp"

#include <optional>

#include "check_op.hpp"
#include "layer.hpp"

using namespace test;
using namespace ss::axes;

TEST_CASE("ops/gated_linear: a product that can be checked by hand") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, rows<>, dim<>>({1, 2}, {1, 2}));
  auto const weight = [&](std::vector<float> of) { return ctx.upload(ss::array<float, out<>, in<>>({2, 2}, std::move(of))); };
  auto const bias = [&](std::vector<float> of) { return ctx.upload(ss::array<float, out<>>({2}, std::move(of))); };
  layer const gate{weight({1, 1, -1, 0}), bias({1, 0})};  // 4, -1
  layer const value{weight({2, 0, 0, 2}), bias({0, 1})};  // 2, 5
  CHECK(ctx.download(ss::ops::gated_linear(ctx, x, gate, value, ss::relu)) == ss::array<float, rows<>, dim<>>({1, 2}, {8, 0}));
  CHECK(ctx.download(ss::ops::gated_linear(ctx, x, gate, value, ss::ops::identity{})) == ss::array<float, rows<>, dim<>>({1, 2}, {8, -5}));
  using no_bias = std::optional<ss::tensor<float, out<>>>;
  layer const bare{gate.weight, no_bias{}};  // 3, -1
  CHECK(ctx.download(ss::ops::gated_linear(ctx, x, bare, value, ss::ops::identity{})) == ss::array<float, rows<>, dim<>>({1, 2}, {6, -5}));
}

TEST_CASE("ops/gated_linear: all policies, gradients, threads, expressions") {
  auto const x = random_array<batch<>, frames<>, dim<>>({2, 3, 7}, 1);
  auto const wg = random_array<out<>, in<>>({5, 7}, 2);
  auto const wv = random_array<out<>, in<>>({5, 7}, 3);
  auto const bg = random_array<out<>>({5}, 4);
  auto const bv = random_array<out<>>({5}, 5);
  check_op([](auto& ctx, auto const& of, auto const& w1, auto const& b1, auto const& w2,
              auto const& b2) { return ss::ops::gated_linear(ctx, of, layer{w1, b1}, layer{w2, b2}, ss::silu); },
           x, wg, bg, wv, bv);
}

TEST_CASE("ops/gated_linear: equals f(linear) * linear, with parameters as weights") {
  ss::workspace<fastest> work{{.seed = 2}};
  using weights = ss::parameter<fastest, out<4>, in<3>>;
  using shifts = ss::parameter<fastest, out<4>>;
  struct linear_record {
    weights weight;
    std::optional<shifts> bias;
  };
  auto const start = ss::initialiser::normal(1);
  linear_record const gate{weights(work, {4, 3}, start), shifts(work, {4}, start)};
  linear_record const value{weights(work, {4, 3}, start), {}};
  ss::recording<fastest> ctx{work};
  auto const x = ctx.leaf(ctx.upload(random_array<rows<>, dim<>>({5, 3}, 6)));
  auto const one = ss::ops::gated_linear(ctx, x, gate, value, ss::sigmoid);
  static_assert(std::is_same_v<std::remove_const_t<decltype(one)>, ss::tensor<float, rows<>, dim<4>>>);
  auto const parts =
      ctx.eval(ss::sigmoid(ss::ops::linear<dim<4>>(ctx, x, gate.weight, *gate.bias)) * ss::ops::linear<dim<4>>(ctx, x, value.weight));
  auto const same = [&](auto const& a, auto const& b) {
    auto const found = ctx.download(a), expected = ctx.download(b);
    test::detail::compare("both ways", {found.begin(), found.end()}, {expected.begin(), expected.end()},
                          ss::tolerance_of<float>(ss::computed::reduction));
  };
  same(one, parts);
  auto const g = ctx.gradients(ss::ops::sum(ctx, one));
  auto const h = ctx.gradients(ss::ops::sum(ctx, parts));
  same(g.of(x), h.of(x));
}

TEST_CASE("ops/gated_linear: sizes that do not fit are named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, rows<>, dim<>>({1, 3}));
  auto const make = [&](ss::index to, ss::index from) {
    return layer{ctx.upload(ss::array<float, out<>, in<>>({to, from})), ctx.upload(ss::array<float, out<>>({4}))};
  };
  CHECK_THROWS_WITH(ss::ops::gated_linear(ctx, x, make(4, 2), make(4, 3), ss::silu),
                    "gated_linear: input has dim = 3, gate.weight expects dim = 2");
  CHECK_THROWS_WITH(ss::ops::gated_linear(ctx, x, make(4, 3), make(5, 3), ss::silu),
                    "gated_linear: value.weight has out = 5, gate.weight expects out = 4");
  CHECK_THROWS_WITH(ss::ops::gated_linear(ctx, x, make(5, 3), make(5, 3), ss::silu),
                    "gated_linear: gate.bias has out = 4, gate.weight expects out = 5");
}
