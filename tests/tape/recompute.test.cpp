#include "spearstorm/tape/recompute.hpp"

#include "check_op.hpp"
#include "spearstorm/ops/dropout.hpp"
#include "spearstorm/ops/layer_norm.hpp"
#include "spearstorm/ops/linear.hpp"

using namespace test;
using namespace ss::axes;
using exec = fastest;
using matrix = ss::array<double, rows<>, dim<>>;

namespace {

/// A block with parameters and, so that draws matter, noise and dropout.
struct block {
  ss::parameter<exec, out<>, in<>> weight;
  ss::parameter<exec, dim<>> gamma;
  explicit block(ss::workspace<exec>& work)
      : weight(work, {8, 8}, ss::initialiser::uniform(0.5)), gamma(work, {8}, ss::initialiser::normal(1)) {}

  auto operator()(auto& ctx, auto const& x) const {
    auto const h = ss::ops::layer_norm(ctx, x, gamma, gamma);
    auto const noise = ctx.stream("block");
    auto const y = ss::ops::dropout(ctx, ss::ops::linear(ctx, h, weight, ss::silu), 0.3);
    return ctx.eval(x + y * (0.5 + noise.uniform(0, 0)));
  }
};

struct result {
  std::vector<std::vector<float>> values;
  std::size_t high_water;
  friend bool operator==(result const& a, result const& b) { return a.values == b.values; }
};

enum class way { plain, blocks, nested };

/// Output, input gradient and all parameter gradients of a stack of blocks.
result run(way how, int depth, matrix const& host) {
  ss::workspace<exec> work{{.seed = 3, .threads = 2}};
  std::vector<block> blocks;
  for (int i = 0; i < depth; ++i) blocks.emplace_back(work);
  ss::recording<exec> ctx{work, {.stochastic = true}};
  auto const x = ctx.leaf(ctx.upload(host));
  auto h = x;
  for (auto const& b : blocks) {
    auto const inner = [&b](auto& c, auto const& in) { return b(c, in); };
    auto const outer = [&b, inner](auto& c, auto const& in) {
      auto const once = ss::recompute(c, inner, in);
      return ss::recompute(c, [&b](auto& cc, auto const& again) { return b(cc, again); }, once);
    };
    if (how == way::plain) h = b(ctx, b(ctx, h));
    if (how == way::blocks) h = ss::recompute(ctx, inner, ss::recompute(ctx, inner, h));
    if (how == way::nested) h = ss::recompute(ctx, outer, h);
  }
  auto g = ctx.gradients(ss::ops::sum(ctx, h * h));
  result made;
  auto const keep = [&](auto const& a) { made.values.emplace_back(a.begin(), a.end()); };
  keep(ctx.download(h));
  keep(ctx.download(g.of(x)));
  for (auto const& b : blocks) keep(g.to_host(b.weight)), keep(g.to_host(b.gamma));
  made.high_water = work.values().high_water();
  return made;
}

}  // namespace

TEST_CASE("tape/recompute: a square, by hand") {
  ss::workspace<exec> work;
  ss::recording<exec> ctx{work};
  auto const x = ctx.leaf(ctx.upload(ss::array<float, dim<>>({2}, {3, 5})));
  auto const y = ss::recompute(ctx, [](auto&, auto const& a) { return a * a; }, x);
  CHECK(ctx.download(y) == ss::array<float, dim<>>({2}, {9, 25}));
  CHECK(ctx.recorded().entries().size() == 1);
  auto const g = ctx.gradients(ss::ops::sum(ctx, y));
  CHECK(ctx.download(g.of(x)) == ss::array<float, dim<>>({2}, {6, 10}));
}

TEST_CASE("tape/recompute: outputs and gradients equal the plain run's to the bit, draws and nesting included") {
  auto const host = random_array<rows<>, dim<>>({37, 8}, 1);
  auto const plain = run(way::plain, 3, host);
  CHECK(run(way::blocks, 3, host) == plain);
  CHECK(run(way::nested, 3, host) == plain);
}

TEST_CASE("tape/recompute: less memory") {
  auto const host = random_array<rows<>, dim<>>({700, 8}, 1);
  auto const plain = run(way::plain, 12, host).high_water;
  auto const blocks = run(way::blocks, 12, host).high_water;
  auto const nested = run(way::nested, 12, host).high_water;
  CHECK(2 * blocks < plain);
  CHECK(nested < blocks);
}

TEST_CASE("tape/recompute: every policy, and an input that is used outside as well") {
  auto const f = [](auto& ctx, auto const& x, auto const& w) {
    auto const inside = [](auto& c, auto const& a, auto const& b) { return ss::ops::linear(c, a, b) + a; };
    return ss::recompute(ctx, inside, x, w) * x;
  };
  check_op(f, random_array<rows<>, dim<>>({3, 5}, 1), random_array<out<>, in<>>({5, 5}, 2));
}

TEST_CASE("tape/recompute: masks pass, unused inputs and constants get no gradient") {
  ss::workspace<exec> work;
  ss::recording<exec> ctx{work};
  auto const x = ctx.leaf(ctx.upload(ss::array<float, dim<>>({2}, {3, 5}))), unused = ctx.leaf(ctx.upload(ss::array<float, dim<>>({2})));
  auto const mask = ctx.upload(ss::array<ss::flag, dim<>>({2}, {1, 0}));
  auto const pick = [](auto&, auto const& a, auto const& m, auto const&) { return where(m, a * 2.0, a); };
  auto const g = ctx.gradients(ss::ops::sum(ctx, ss::recompute(ctx, pick, x, mask, unused)));
  CHECK(ctx.download(g.of(x)) == ss::array<float, dim<>>({2}, {2, 1}));
  CHECK_THROWS_AS(g.of(unused), ss::value_error);
  auto const constant = ctx.upload(ss::array<float, dim<>>({2}));
  CHECK(ss::recompute(ctx, [](auto&, auto const& a) { return a + 1.0; }, constant).node() == 0);
  ss::workspace<exec> other;
  ss::inference<exec> plain{other};
  CHECK(plain.item(ss::recompute(plain, [](auto&, auto const& a) { return a + 1.0; }, plain.upload(ss::array<float, dim<>>({1})))) == 1);
}

TEST_CASE("tape/recompute: a block that throws leaves the context usable") {
  ss::workspace<exec> work;
  ss::recording<exec> ctx{work};
  auto const x = ctx.leaf(ctx.upload(ss::array<float, dim<>>({2}, {3, 5})));
  int runs = 0;
  auto const f = [&runs](auto&, auto const& a) {
    if (++runs == 2) ss::fail<ss::value_error>("the second run fails");
    return a * a;
  };
  auto const y = ss::recompute(ctx, f, x);
  CHECK_THROWS_AS(ctx.gradients(ss::ops::sum(ctx, y)), ss::value_error);
  auto const g = ctx.gradients(ss::ops::sum(ctx, y));
  CHECK(ctx.download(g.of(x)) == ss::array<float, dim<>>({2}, {6, 10}));
}
