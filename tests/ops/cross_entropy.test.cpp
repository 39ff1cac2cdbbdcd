#include "spearstorm/ops/cross_entropy.hpp"

#include "check_op.hpp"
#if defined(SPEARSTORM_HAVE_JSON)
#include "golden.hpp"
#endif

using namespace test;
using namespace ss::axes;

namespace {
using targets_array = ss::array<std::int32_t, rows<>>;
auto const losses = [](auto& ctx, auto const& x, auto const& at) { return ss::ops::cross_entropy_rows(ctx, x, at); };
auto const loss = [](auto& ctx, auto const& x, auto const& at) { return ss::ops::cross_entropy(ctx, x, at); };
}  // namespace

TEST_CASE("ops/cross_entropy: two rows that can be checked by hand") {
  ss::workspace<ss::cpu::scalar<ss::f64>> work;
  ss::recording<ss::cpu::scalar<ss::f64>> ctx{work};
  double const three = std::log(3.0);  // logits (ln 3, 0) are probabilities 3/4 and 1/4
  auto const x = ctx.leaf(ctx.upload(ss::array<double, rows<>, vocab<>>({2, 2}, {three, 0, 0, 0})));
  auto const at = ctx.upload(targets_array({2}, {1, 0}));
  auto const each = ctx.download(losses(ctx, x, at));
  CHECK(each(0) == Approx(std::log(4.0)));
  CHECK(each(1) == Approx(std::log(2.0)));
  auto const mean = loss(ctx, x, at);
  CHECK(ctx.item(mean) == Approx(std::log(8.0) / 2));
  auto const g = ctx.gradients(mean);
  auto const dx = ctx.download(g.of(x));
  CHECK(dx(0, 0) == Approx(0.75 / 2));
  CHECK(dx(0, 1) == Approx(-0.75 / 2));
  CHECK(dx(1, 0) == Approx(-0.5 / 2));
}

TEST_CASE("ops/cross_entropy: an ignored row counts for nothing") {
  ss::workspace<ss::cpu::scalar<ss::f64>> work;
  ss::recording<ss::cpu::scalar<ss::f64>> ctx{work};
  auto const x = ctx.leaf(ctx.upload(ss::array<double, rows<>, vocab<>>({3, 2}, {0, 0, 5, -5, 0, 0})));
  auto const mean = loss(ctx, x, ctx.upload(targets_array({3}, {1, -1, 0})));
  CHECK(ctx.item(mean) == Approx(std::log(2.0)));
  auto const g = ctx.gradients(mean);
  CHECK(ctx.download(g.of(x)) == ss::array<double, rows<>, vocab<>>({3, 2}, {0.25, -0.25, 0, 0, -0.25, 0.25}));
  auto const other = ss::ops::cross_entropy(ctx, x, ctx.upload(targets_array({3}, {1, 1, 0})), {.ignore = 1});
  CHECK(ctx.item(other) == Approx(std::log(2.0)));
}

TEST_CASE("ops/cross_entropy: all policies, gradients, threads, expressions") {
  auto const x = random_array<rows<>, vocab<>>({5, 19}, 1, 2);
  check_op(losses, x, targets_array({5}, {3, 18, -1, 0, 3}));
  check_op(loss, x, targets_array({5}, {3, 18, -1, 0, 3}));
}

TEST_CASE("ops/cross_entropy: large logits neither overflow nor lose the loss") {
  ss::workspace<fastest> work;
  ss::inference<fastest> ctx{work};
  auto const x = ctx.upload(ss::array<float, rows<>, vocab<>>({3, 2}, {1e4f, 1e4f, 1e4f, -1e4f, -1e4f, -1e4f}));
  auto const y = ctx.download(losses(ctx, x, ctx.upload(targets_array({3}, {0, 1, 0}))));
  CHECK(y(0) == Approx(std::log(2.0)));
  CHECK(y(1) == Approx(2e4));
  CHECK(y(2) == Approx(std::log(2.0)));
}

TEST_CASE("ops/cross_entropy: no rows, targets that are no codes and other sizes are named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, rows<>, vocab<>>({2, 4}));
  auto const call = [&](std::vector<std::int32_t> at) {
    auto const n = static_cast<ss::index>(at.size());
    return ss::ops::cross_entropy(ctx, x, ctx.upload(targets_array({n}, std::move(at))));
  };
  CHECK_THROWS_WITH(call({0, 4}), "cross_entropy: targets at position 1 = 4, expected 0 to 3");
  CHECK_THROWS_WITH(call({-2, 3}), "cross_entropy: targets at position 0 = -2, expected 0 to 3");
  CHECK_THROWS_WITH(call({1, 2, 3}), "cross_entropy: logits has rows = 2, targets expects rows = 3");
  CHECK_THROWS_WITH(call({-1, -1}), "cross_entropy: all 2 targets are -1, which is ignored, expected at least one that is not");
  auto const none = ctx.upload(ss::array<float, rows<>, vocab<>>({0, 4}));
  auto const no_targets = ctx.upload(targets_array({0}));
  CHECK_THROWS_WITH(ss::ops::cross_entropy(ctx, none, no_targets), "cross_entropy: no rows, expected at least 1");
  CHECK(ss::ops::cross_entropy_rows(ctx, none, no_targets).size() == 0);
}

#if defined(SPEARSTORM_HAVE_JSON)
TEST_CASE("ops/cross_entropy: loss and gradient of the package, on chosen rows and on all") {
  golden const file("op_cross_entropy");
  auto const host = file.read<rows<>, vocab<>>("input.logits", {9, 7});
  auto targets = file.read_as<std::int32_t, rows<>>("input.target", {9});
  auto const chosen = file.read_as<ss::flag, rows<>>("input.chosen", {9});
  auto const of = [&](auto const& name) { return static_cast<double>(file.template read<rows<>>(name, {1})(0)); };
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    ss::workspace<Exec> work;
    ss::recording<Exec> ctx{work};
    auto const x = ctx.leaf(ctx.upload(host));
    CHECK(ctx.item(loss(ctx, x, ctx.upload(targets))) == Approx(of("output.loss_all")).epsilon(1e-5));
    auto some = targets;
    for (ss::index i = 0; i < 9; ++i)
      if (!chosen(i)) some(i) = -1;
    auto const mean = loss(ctx, x, ctx.upload(some));
    CHECK(ctx.item(mean) == Approx(of("output.loss")).epsilon(1e-5));
    auto const g = ctx.gradients(mean);
    auto const dx = ctx.download(g.of(x));
    auto const expected = file.read<rows<>, vocab<>>("grad_in.logits", {9, 7});
    test::detail::compare("grad_in.logits", {dx.begin(), dx.end()}, {expected.begin(), expected.end()},
                          ss::tolerance_of<float>(ss::computed::reduction));
  });
}
#endif
