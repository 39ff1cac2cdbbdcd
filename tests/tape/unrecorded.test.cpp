#include "spearstorm/tape/unrecorded.hpp"

#include "check_op.hpp"
#include "far_memory.hpp"
#include "spearstorm/ops/linear.hpp"

using namespace test;
using namespace ss::axes;
using exec = ss::cpu::scalar<ss::f64>;
using vector = ss::array<double, dim<>>;

TEST_CASE("tape/unrecorded: the result is a constant of the context, by hand") {
  ss::workspace<exec> work;
  ss::recording<exec> ctx{work};
  auto const x = ctx.leaf(ctx.upload(vector({3}, {1, 2, 3})));
  auto const y = ss::unrecorded(ctx, [&](auto&) { return x * x; });
  CHECK(ctx.download(y) == vector({3}, {1, 4, 9}));
  auto const g = ctx.gradients(ss::ops::sum(ctx, x * y));
  CHECK(ctx.download(g.of(x)) == vector({3}, {1, 4, 9}));  // not 3 x^2
}

TEST_CASE("tape/unrecorded: of the child's memory the result is kept, where it began; what is stored next does not touch it") {
  ss::workspace<exec> work;
  ss::inference<exec> ctx{work};
  auto const x = ctx.upload(vector({100}, std::vector<double>(100, 2.0)));
  auto const before = work.values().in_use();
  auto const y = ss::unrecorded(ctx, [&](auto& quiet) {
    auto const once = quiet.eval(x + 1.0);
    auto const twice = quiet.eval(once * once);
    return quiet.eval(twice + once);
  });
  CHECK(work.values().in_use() - before == ss::aligned(100 * sizeof(double)));
  auto const next = ctx.eval(x * 0.0);
  CHECK(ctx.download(y) == vector({100}, std::vector<double>(100, 12.0)));
  CHECK(ctx.download(next) == vector({100}));
  CHECK(ctx.download(ss::unrecorded(ctx, [&](auto&) { return x; })) == ctx.download(x));  // one of the parent's own
}

TEST_CASE("tape/unrecorded: it draws what a child without record draws") {
  auto const draw = [](auto const& run) {
    ss::workspace<exec> work{{.seed = 4}};
    ss::inference<exec> ctx{work};
    double const inside = run(ctx);
    return std::pair{inside, static_cast<double>(ctx.stream("after").uniform(0, 0))};
  };
  auto const noise = [](auto& ctx) { return static_cast<double>(ctx.stream("noise").uniform(0, 0)); };
  auto const child = draw([&](auto& ctx) {
    auto quiet = ctx.no_record();
    return noise(quiet);
  });
  auto const found = draw([&](auto& ctx) {
    auto const y = ss::unrecorded(ctx, [&](auto& quiet) { return quiet.eval(quiet.upload(vector({1})) + noise(quiet)); });
    return ctx.item(y);
  });
  CHECK(found == child);
}

TEST_CASE("tape/unrecorded: nothing is copied to the host or back") {
  ss::workspace<far_device> work;
  ss::recording<far_device> ctx{work};
  auto const x = ctx.upload(vector({3}, {1, 2, 3}));
  auto const in = far_memory::in, out = far_memory::out;
  auto const y = ss::unrecorded(ctx, [&](auto& quiet) { return quiet.eval(x * 2.0f); });
  CHECK(far_memory::in == in);
  CHECK(far_memory::out == out);
  CHECK(ctx.download(y).data()[2] == 6);
}
