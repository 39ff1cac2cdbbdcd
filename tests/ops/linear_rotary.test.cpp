#include "spearstorm/ops/linear_rotary.hpp"

#include "check_op.hpp"
#include "spearstorm/ops/layer_norm.hpp"

using namespace test;
using namespace ss::axes;

TEST_CASE("ops/linear_rotary: all policies, gradients, threads, expressions") {
  auto const w = random_array<out<>, in<>>({12, 7}, 2);
  for (bool interleaved : {false, true})
    check_op(
        [=](auto& ctx, auto const& x, auto const& of) {
          auto const table = ss::ops::make_rotary_table(ctx, ctx.eval(x).extent(1), 6, {.theta = 50, .interleaved = interleaved});
          return ss::ops::linear_rotary(ctx, x, of, table);
        },
        random_array<batch<>, frames<>, dim<>>({2, 4, 7}, 1), w);
}

TEST_CASE("ops/linear_rotary: the bits of rotary behind linear, for stored and made rows, with tiles beside each other") {
  auto const x = random_array<batch<>, frames<>, dim<>>({2, 90, 20}, 1);
  auto const w = random_array<out<>, in<>>({160, 20}, 2);
  auto const gamma = random_array<dim<>>({20}, 3), beta = random_array<dim<>>({20}, 4);
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* name) {
    auto const one = [](auto& ctx, auto const& of, auto const& m, auto const& g, auto const& s) {
      auto const table = ss::ops::make_rotary_table(ctx, of.extent(1), 8);
      auto const n = ss::ops::layer_norm_rows(ctx, of, g, s);
      return ss::ops::linear_rotary(ctx, n, m, table);
    };
    auto const two = [](auto& ctx, auto const& of, auto const& m, auto const& g, auto const& s) {
      return ss::ops::rotary(ctx, ss::ops::linear(ctx, ss::ops::layer_norm(ctx, of, g, s), m), {.heads = 20});
    };
    INFO(name);
    for (ss::index threads : {1, 3}) {
      ss::workspace_options const options{.seed = 7, .threads = threads};
      CHECK(test::detail::run<Exec>(one, options, x, w, gamma, beta) == test::detail::run<Exec>(two, options, x, w, gamma, beta));
    }
  });
}

TEST_CASE("ops/linear_rotary: sizes and options that do not fit are named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({1, 2, 3}));
  auto const weight = [&](ss::index to, ss::index from) { return ctx.upload(ss::array<float, out<>, in<>>({to, from})); };
  CHECK_THROWS_WITH(ss::ops::make_rotary_table(ctx, 2, 5), "rotary: dim_head = 5, expected an even number above 0");
  CHECK_THROWS_WITH(ss::ops::make_rotary_table(ctx, 2, 4, {.theta = 0}), "rotary: theta = 0, expected more than 0");
  auto const table = ss::ops::make_rotary_table(ctx, 2, 4);
  CHECK_THROWS_WITH(ss::ops::linear_rotary(ctx, x, weight(8, 4), table), "linear_rotary: input has dim = 3, weight expects dim = 4");
  CHECK_THROWS_WITH(ss::ops::linear_rotary(ctx, x, weight(10, 3), table),
                    "linear_rotary: weight has out = 10, heads of 4 features expect a multiple of it");
  CHECK_THROWS_WITH(ss::ops::linear_rotary(ctx, x, weight(8, 3), ss::ops::make_rotary_table(ctx, 5, 4)),
                    "linear_rotary: input has frames = 2, the table expects frames = 5");
}
