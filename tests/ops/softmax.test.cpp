#include "spearstorm/ops/softmax.hpp"

#include <limits>

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

TEST_CASE("ops/softmax: rows that can be checked by hand") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  float const log3 = std::log(3.f);
  auto const y = ctx.download(ss::ops::softmax(ctx, ctx.upload(ss::array<float, rows<>, dim<>>({3, 2}, {0, log3, 500 + log3, 500, 7, 7}))));
  auto const* at = y.data();
  for (float expected : {0.25f, 0.75f, 0.75f, 0.25f, 0.5f, 0.5f}) CHECK(*at++ == Approx(expected).epsilon(1e-5));
}

TEST_CASE("ops/softmax: a row of -inf gives zeros, and zero gradients, on all policies") {
  for_each_policy<ss::f32>([]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    ss::workspace<Exec> work;
    ss::recording<Exec> ctx{work};
    ss::array<float, rows<>, dim<>> host({2, 19});
    for (ss::index i = 0; i < host.size(); ++i) host.data()[i] = i < 19 || i == 30 ? -std::numeric_limits<float>::infinity() : 1.f;
    auto const x = ctx.leaf(ctx.upload(host));
    auto const y = ss::ops::softmax(ctx, x);
    auto const loss = ss::ops::sum(ctx, y * y);
    auto const g = ctx.gradients(loss);
    auto const ys = ctx.download(y), dx = ctx.download(g.of(x));
    for (ss::index i = 0; i < 19; ++i) {
      CHECK(ys.data()[i] == 0);
      CHECK(dx.data()[i] == 0);
      CHECK(ys.data()[19 + i] == Approx(i == 11 ? 0 : 1 / 18.));
      CHECK(dx.data()[19 + i] == Approx(0).margin(1e-7));
    }
  });
}

TEST_CASE("ops/softmax: all policies, gradients, threads, expressions") {
  auto const f = [](auto& ctx, auto const& x) { return ss::ops::softmax(ctx, x); };
  check_op(f, random_array<batch<>, frames<>, dim<>>({2, 3, 21}, 1));
  check_op(f, random_array<rows<>, dim<>>({4, 1}, 2));
  check_op(f, random_array<dim<>>({8}, 3));
}
