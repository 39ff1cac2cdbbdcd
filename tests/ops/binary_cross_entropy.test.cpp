#include "spearstorm/ops/binary_cross_entropy.hpp"

#include <limits>

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

namespace {

ss::array<ss::flag, batch<>, rows<>> flags(ss::index n, ss::index m, ss::index every) {
  ss::array<ss::flag, batch<>, rows<>> made({n, m});
  for (ss::index i = 0; i < made.size(); ++i) made.data()[i] = static_cast<ss::flag>(i % every == 0);
  return made;
}

}  // namespace

TEST_CASE("ops/binary_cross_entropy: numbers that can be checked by hand, on all policies") {
  for_each_policy<ss::f32>([]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    ss::workspace<Exec> work;
    ss::recording<Exec> ctx{work};
    float const log3 = std::log(3.f);  // a sigmoid of 3/4
    auto const x = ctx.leaf(ctx.upload(ss::array<float, rows<>>({5}, {0, log3, log3, 200, -200})));
    auto const labels = ctx.upload(ss::array<ss::flag, rows<>>({5}, {1, 1, 0, 0, 1}));
    auto const all = ctx.upload(ss::array<ss::flag, rows<>>({5}, {1, 1, 1, 1, 1}));
    auto const loss = ss::ops::binary_cross_entropy_with_logits(ctx, x, labels, all);
    CHECK(ctx.item(loss) == Approx((std::log(2.) + std::log(4 / 3.) + std::log(4.) + 200 + 200) / 5));
    auto const dx = ctx.download(ctx.gradients(loss).of(x));
    CHECK(dx(0) == Approx(-0.5 / 5));
    CHECK(dx(1) == Approx(-0.25 / 5));
    CHECK(dx(2) == Approx(0.75 / 5));
    CHECK(dx(3) == Approx(0.2));
    CHECK(dx(4) == Approx(-0.2));
    auto const some = ctx.upload(ss::array<ss::flag, rows<>>({5}, {0, 1, 1, 0, 0}));
    CHECK(ctx.item(ss::ops::binary_cross_entropy_with_logits(ctx, x, labels, some)) == Approx((std::log(4 / 3.) + std::log(4.)) / 2));
  });
}

TEST_CASE("ops/binary_cross_entropy: all policies, gradients, threads, expressions") {
  check_op([](auto& ctx, auto const&... args) { return ss::ops::binary_cross_entropy_with_logits(ctx, args...); },
           random_array<batch<>, rows<>>({3, 19}, 1, 3), flags(3, 19, 2), flags(3, 19, 3));
}

TEST_CASE("ops/binary_cross_entropy: what does not count changes nothing, not a bit") {
  auto const run = [](float filler) {
    ss::workspace<fastest> work;
    ss::recording<fastest> ctx{work};
    auto const counted = flags(2, 11, 3);
    auto host = random_array<batch<>, rows<>>({2, 11}, 1);
    for (ss::index i = 0; i < host.size(); ++i)
      if (!counted.data()[i]) host.data()[i] = static_cast<double>(filler);
    auto const x = ctx.leaf(ctx.upload(host));
    auto const loss = ss::ops::binary_cross_entropy_with_logits(ctx, x, ctx.upload(flags(2, 11, 2)), ctx.upload(counted));
    auto const dx = ctx.download(ctx.gradients(loss).of(x));
    std::vector<double> all(dx.begin(), dx.end());
    all.push_back(ctx.item(loss));
    return all;
  };
  auto const clean = run(0);
  CHECK(run(1e30f) == clean);
  CHECK(run(std::numeric_limits<float>::quiet_NaN()) == clean);
}

TEST_CASE("ops/binary_cross_entropy: sizes that differ are named") {
  ss::workspace<fastest> work;
  ss::inference<fastest> ctx{work};
  auto const x = ctx.upload(ss::array<float, rows<>>({4}));
  auto const four = ctx.upload(ss::array<ss::flag, rows<>>({4})), five = ctx.upload(ss::array<ss::flag, rows<>>({5}));
  CHECK_THROWS_WITH(ss::ops::binary_cross_entropy_with_logits(ctx, x, five, four),
                    "binary_cross_entropy_with_logits: labels has size = 5, logits expects size = 4");
  CHECK_THROWS_WITH(ss::ops::binary_cross_entropy_with_logits(ctx, x, four, five),
                    "binary_cross_entropy_with_logits: counted has size = 5, logits expects size = 4");
}
