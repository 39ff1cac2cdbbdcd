#include "spearstorm/ops/linear_onto.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

TEST_CASE("ops/linear_onto: a sum that can be checked by hand") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, rows<>, dim<>>({1, 2}, {1, 2}));
  auto const r = ctx.upload(ss::array<float, rows<>, dim<>>({1, 2}, {10, 20}));
  auto const w = ctx.upload(ss::array<float, out<>, in<>>({2, 2}, {1, 1, -1, 0}));
  auto const b = ctx.upload(ss::array<float, out<>>({2}, {1, 3}));
  CHECK(ctx.download(ss::ops::linear_onto(ctx, x, w, b, ss::ops::onto(r, 0.5))) == ss::array<float, rows<>, dim<>>({1, 2}, {12, 21}));
  CHECK(ctx.download(ss::ops::linear_onto(ctx, x, w, ss::ops::onto(r))) == ss::array<float, rows<>, dim<>>({1, 2}, {13, 19}));
  CHECK(ctx.download(ss::ops::add_onto(ctx, x, ss::ops::onto(r, 2))) == ss::array<float, rows<>, dim<>>({1, 2}, {12, 24}));
}

TEST_CASE("ops/linear_onto: all policies, gradients, threads, expressions") {
  auto const x = random_array<batch<>, frames<>, dim<>>({2, 3, 7}, 1);
  auto const w = random_array<out<>, in<>>({5, 7}, 2);
  auto const b = random_array<out<>>({5}, 3);
  auto const r = random_array<batch<>, frames<>, dim<>>({2, 3, 5}, 4);
  check_op([](auto& ctx, auto const& of, auto const& m, auto const& s,
              auto const& to) { return ss::ops::linear_onto(ctx, of, m, s, ss::ops::onto(to, 0.3)); },
           x, w, b, r);
  check_op([](auto& ctx, auto const& of, auto const& m, auto const& to) { return ss::ops::linear_onto(ctx, of, m, ss::ops::onto(to)); }, x,
           w, r);
  check_op([](auto& ctx, auto const& of, auto const& to) { return ss::ops::add_onto(ctx, of, ss::ops::onto(to, 0.3)); }, r,
           random_array<batch<>, frames<>, dim<>>({2, 3, 5}, 5));
}

TEST_CASE("ops/linear_onto: onto the input itself") {
  check_op([](auto& ctx, auto const& of, auto const& m) { return ss::ops::linear_onto(ctx, of, m, ss::ops::onto(of, 0.5)); },
           random_array<rows<>, dim<>>({4, 6}, 1), random_array<out<>, in<>>({6, 6}, 2));
}

TEST_CASE("ops/linear_onto: a layer norm behind it takes its moments, and gives the same bits") {
  auto const gamma = random_array<dim<>>({300}, 1), beta = random_array<dim<>>({300}, 2);
  auto const w = random_array<out<>, in<>>({300, 40}, 3);
  for (ss::index rows_of : {3, 200})
    for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* name) {
      auto const x = random_array<rows<>, dim<>>({rows_of, 40}, 4), r = random_array<rows<>, dim<>>({rows_of, 300}, 5);
      auto const with = [](auto measure) {
        return [measure](auto& ctx, auto const& of, auto const& m, auto const& to, auto const& g, auto const& s) {
          return ss::ops::layer_norm(ctx, measure(ctx, of, m, to), g, s);
        };
      };
      auto const known = with([](auto& ctx, auto const& of, auto const& m, auto const& to) {
        auto const y = ss::ops::linear_onto(ctx, of, m, ss::ops::onto_measured(to, 0.5));
        if constexpr (ss::verbs::fuses_rows<Exec>) {
          CHECK(y.mean != nullptr);
          CHECK(y.variance != nullptr);
        }
        return y;
      });
      auto const sought = with([](auto& ctx, auto const& of, auto const& m, auto const& to) {
        return ss::ops::linear_onto(ctx, of, m, ss::ops::onto(to, 0.5));
      });
      INFO(name << ", " << rows_of << " rows");
      for (ss::index threads : {1, 2, 3}) {
        ss::workspace_options const options{.seed = 7, .threads = threads};
        CHECK(test::detail::run<Exec>(known, options, x, w, r, gamma, beta) ==
              test::detail::run<Exec>(sought, options, x, w, r, gamma, beta));
      }
    });
}

TEST_CASE("ops/linear_onto: sizes that do not fit are named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const x = ctx.upload(ss::array<float, rows<>, dim<>>({2, 3}));
  auto const w = ctx.upload(ss::array<float, out<>, in<>>({4, 3}));
  auto const onto = [&](ss::index count, ss::index size) {
    return ss::ops::onto(ctx.upload(ss::array<float, rows<>, dim<>>({count, size})));
  };
  CHECK_THROWS_WITH(ss::ops::linear_onto(ctx, x, w, onto(2, 5)), "linear_onto: residual has dim = 5, weight expects dim = 4");
  CHECK_THROWS_WITH(ss::ops::linear_onto(ctx, x, w, onto(3, 4)), "linear_onto: residual has rows = 3, input expects rows = 2");
  CHECK_THROWS_WITH(ss::ops::linear_onto(ctx, x, ctx.upload(ss::array<float, out<>, in<>>({4, 2})), onto(2, 4)),
                    "linear_onto: input has dim = 3, weight expects dim = 2");
  CHECK_THROWS_WITH(ss::ops::linear_onto(ctx, x, w, ctx.upload(ss::array<float, out<>>({5})), onto(2, 4)),
                    "linear_onto: bias has out = 5, weight expects out = 4");
}
