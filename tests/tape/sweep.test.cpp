#include "spearstorm/tape/sweep.hpp"

#include "check_op.hpp"
#include "spearstorm/backend/counted.hpp"
#include "spearstorm/ops/layer_norm.hpp"
#include "spearstorm/ops/linear.hpp"

using namespace test;
using namespace ss::axes;
using exec = ss::cpu::scalar<ss::f64>;
using vector = ss::array<double, dim<>>;
using weight = ss::parameter<exec, dim<>>;

namespace {

weight make(ss::workspace<exec>& work, std::vector<double> const& values) {
  weight p(work, {static_cast<ss::index>(values.size())}, ss::initialiser::zeros());
  p.assign_(values);
  return p;
}

/// A table of one's own: what an optimizer holds.
struct table : ss::gradient_table<exec> {
  std::vector<double> slab = std::vector<double>(8, -99.0);
  void enter(weight const& p, std::size_t at) { add(p.id(), slab.data() + at, p.size()); }
};

/// An op that fails on its way there or back.
struct failing_op {
  static constexpr char const* name = "failing";
  struct saved {
    bool back;
  };
  static auto forward(auto& ctx, auto const& x, bool forth, bool back) {
    auto* const y = ctx.template allocate<double>(x.size());
    if (forth) ss::fail<ss::value_error>("failing: forth");
    ss::verbs::fill(ctx.exec(), y, x.size(), 1.0);
    return std::pair{ctx.template wrap<axis_list_of<decltype(x)>>(y, x.extents()), saved{back}};
  }
  static void adjoint(auto& back, saved const& s, double const*) {
    double* const dx = back.result(0, 2);
    if (s.back) ss::fail<ss::value_error>("failing: back");
    dx[0] = dx[1] = 0;
  }
  template <class X>
  using axis_list_of = typename std::remove_cvref_t<X>::axes_type;
};

}  // namespace

TEST_CASE("tape/sweep: parameters of ops and expressions, used several times and not at all") {
  ss::workspace<exec> work;
  auto const p = make(work, {2, 3}), unused = make(work, {1});
  ss::recording<exec> ctx{work};
  auto const y = ctx.eval(ctx.use(p) * 5.0);
  auto g = ctx.gradients(ss::ops::sum(ctx, y * ctx.use(p)));  // 5 p^2
  CHECK(g.to_host(p) == vector({2}, {20, 30}));
  CHECK(g.of(unused) == nullptr);
  CHECK(g.to_host(unused) == vector({1}, 0));
}

TEST_CASE("tape/sweep: parameters of different shapes are never taken for each other") {
  ss::workspace<exec> work;
  auto const p = make(work, {2, 3});
  ss::parameter<exec, rows<>, dim<>> const m(work, {1, 2}, ss::initialiser::ones());
  CHECK(p.id() != m.id());
  ss::recording<exec> ctx{work};
  auto g = ctx.gradients(ss::ops::sum(ctx, ctx.use(m) * ctx.use(p)));
  CHECK(g.to_host(p) == vector({2}, {1, 1}));
  CHECK(g.to_host(m) == ss::array<double, rows<>, dim<>>({1, 2}, {2, 3}));
}

TEST_CASE("tape/sweep: one tensor as several inputs of one op") {
  auto const f = [](auto& ctx, auto const& x, auto const& g) { return ss::ops::layer_norm(ctx, x, g, g); };
  check_op(f, random_array<rows<>, dim<>>({3, 5}, 1), random_array<dim<>>({5}, 2));
  check_op([](auto& ctx, auto const& x) { return ss::ops::linear<out<>>(ctx, x, ctx.eval(x)); }, random_array<rows<>, dim<>>({3, 5}, 3));
  ss::workspace<exec> work;
  auto const p = make(work, {1, 2});
  ss::recording<exec> ctx{work};
  auto const x = ctx.upload(ss::array<double, rows<>, dim<>>({1, 2}, {1, 3}));
  auto const w = ctx.upload(vector({2}, {1, 10}));
  auto g = ctx.gradients(ss::ops::sum(ctx, ss::ops::layer_norm(ctx, x, p, p, 0.0) * w));
  CHECK(g.to_host(p) == vector({2}, {0, 20}));  // xhat = (-1, 1): w * xhat + w
}

TEST_CASE("tape/sweep: gradients into an own table add up, and only its parameters are asked for") {
  ss::workspace<exec> work;
  auto const p = make(work, {2, 3}), q = make(work, {5, 7}), frozen = make(work, {1, 1});
  table into;
  into.enter(p, 0);
  into.enter(q, 2);
  for (int pass = 0; pass < 2; ++pass) {
    ss::recording<exec> ctx{work};
    ctx.gradients(ss::ops::sum(ctx, ctx.use(p) * ctx.use(q) * ctx.use(frozen)), into);
    double const n = pass + 1;
    CHECK(into.slab == std::vector<double>{5 * n, 7 * n, 2 * n, 3 * n, -99, -99, -99, -99});
  }
  CHECK(into.of(frozen) == nullptr);
}

TEST_CASE("tape/sweep: detach stops the gradient, straight_through carries it past a hard choice") {
  ss::workspace<exec> work;
  ss::recording<exec> ctx{work};
  auto const x = ctx.leaf(ctx.upload(vector({2}, {0.4, 1.6})));
  auto const g = ctx.gradients(ss::ops::sum(ctx, x * ss::detach(ctx, x * 2.0)));
  CHECK(ctx.download(g.of(x)) == vector({2}, {0.8, 3.2}));
  auto const hard = ctx.upload(vector({2}, {0, 2}));
  auto const st = ss::straight_through(ctx, hard, x * 3.0);
  CHECK(ctx.download(st) == vector({2}, {0, 2}));
  auto const h = ctx.gradients(ss::ops::sum(ctx, st * 10.0));
  CHECK(ctx.download(h.of(x)) == vector({2}, {30, 30}));
  CHECK_THROWS_AS(ss::straight_through(ctx, ctx.upload(vector({3})), x), ss::shape_error);
}

TEST_CASE("tape/sweep: a loss is one element and depends on something") {
  ss::workspace<exec> work;
  auto const scalar = make(work, {4});
  ss::recording<exec> ctx{work};
  auto const x = ctx.leaf(ctx.upload(vector({2}, {1, 2}))), other = ctx.leaf(ctx.upload(vector({2})));
  CHECK_THROWS_WITH(ctx.gradients(x), "gradients: the loss has size = 2, a scalar expects size = 1");
  CHECK_THROWS_AS(ctx.gradients(ctx.upload(vector({1}))), ss::value_error);
  auto const g = ctx.gradients(ss::ops::sum(ctx, x));
  CHECK_THROWS_AS(g.of(other), ss::value_error);
  CHECK(ctx.gradients(ctx.use(scalar)).to_host(scalar) == vector({1}, 1));  // a parameter itself
}

TEST_CASE("tape/sweep: an expression is one entry and one call of a verb") {
  using counting = ss::counted<exec>;
  ss::workspace<counting> work;
  ss::recording<counting> ctx{work};
  auto const x = ctx.leaf(ctx.upload(vector({3}, {1, 2, 3})));
  auto const calls = work.exec().counts->calls;
  auto const y = ctx.eval(ss::silu(x) * x + x * 0.5 - tanh(x));
  CHECK(work.exec().counts->calls == calls + 1);
  CHECK(ctx.recorded().entries().size() == 1);
  ctx.eval(y);
  CHECK(ctx.recorded().entries().size() == 1);
  auto const constant = ctx.upload(vector({3}));
  ctx.eval(constant * 2.0);
  CHECK(ctx.recorded().entries().size() == 1);  // nothing to differentiate
}

TEST_CASE("tape/sweep: an exception there or back leaves the workspace usable") {
  ss::workspace<exec> work;
  for (bool back : {false, true}) {
    INFO((back ? "back" : "forth"));
    CHECK_THROWS_AS(
        [&] {
          ss::recording<exec> ctx{work};
          auto f = ctx.frame();
          auto const x = ctx.leaf(ctx.upload(vector({2}, {1, 2})));
          auto const y = ss::record<failing_op>(ctx, std::tuple{x}, !back, back);
          ctx.gradients(ss::ops::sum(ctx, y));
        }(),
        ss::value_error);
    CHECK_FALSE(work.busy());
    CHECK(work.values().in_use() == 0);
    CHECK(work.closures().in_use() == 0);
    ss::recording<exec> ctx{work};
    auto const x = ctx.leaf(ctx.upload(vector({2}, {1, 2})));
    auto const attempt = [&] { ctx.gradients(ss::ops::sum(ctx, ss::record<failing_op>(ctx, std::tuple{x}, !back, back))); };
    CHECK_THROWS_AS(attempt(), ss::value_error);
    auto const g = ctx.gradients(ss::ops::sum(ctx, x * x));  // the same context goes on
    CHECK(ctx.download(g.of(x)) == vector({2}, {2, 4}));
  }
}

TEST_CASE("tape/sweep: a thousand steps need the memory of three") {
  ss::workspace<exec> work;
  auto const p = make(work, std::vector<double>(300, 0.1));
  std::size_t values = 0, closures = 0, high = 0;
  for (int step = 1; step <= 1000; ++step) {
    ss::recording<exec> ctx{work};
    auto h = ctx.use(p);
    for (int layer = 0; layer < 5; ++layer) h = ctx.eval(ss::silu(h) * 1.1 + ctx.use(p));
    ctx.gradients(ss::ops::sum(ctx, h));
    if (step == 3) values = work.values().capacity(), closures = work.closures().capacity(), high = work.values().high_water();
  }
  CHECK(work.values().capacity() == values);
  CHECK(work.closures().capacity() == closures);
  CHECK(work.values().high_water() == high);
}

TEST_CASE("tape/sweep: a long tape is walked without recursion, in flat memory of gradients") {
  ss::workspace<exec> work;
  ss::recording<exec> ctx{work};
  auto const x = ctx.leaf(ctx.upload(vector({1}, 1)));
  auto y = x;
  for (int i = 0; i < 100000; ++i) y = ctx.eval(y + 1.0);
  auto const before = work.values().in_use();
  auto const g = ctx.gradients(ss::ops::sum(ctx, y));
  CHECK(ctx.download(g.of(x)) == vector({1}, 1));
  CHECK(work.values().in_use() - before < 1024);  // gradients of activations are released on the way
}

TEST_CASE("tape/sweep: anomaly mode names the op that first made what is not finite") {
  ss::workspace<exec> work{{.anomaly = true}};
  ss::recording<exec> ctx{work};
  auto const x = ctx.leaf(ctx.upload(vector({2}, {1, 0})));
  CHECK_THROWS_WITH(ctx.eval(log(x)), "anomaly: an expression made -inf at element 1 of 2");
  auto const row = ctx.upload(ss::array<double, rows<>, dim<>>({1, 2}, {1, 1}));
  CHECK_THROWS_WITH(ss::ops::layer_norm(ctx, row, x, x, 0.0), Catch::StartsWith("anomaly: layer_norm made"));
  auto const y = ctx.eval(sqrt(x));  // its value is fine, its derivative at 0 is not
  CHECK_THROWS_WITH(ctx.gradients(ss::ops::sum(ctx, y)), "anomaly: the gradient of expression made inf at element 1 of 2");
}
