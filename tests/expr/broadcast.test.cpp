#include "spearstorm/expr/broadcast.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;
using host = ss::cpu::scalar<ss::f64>;

namespace {
/// Gradients and all policies of f over a (batch, frames, dim) tensor and another leaf.
template <class F, class Other>
void check_with(F f, Other const& other) {
  check_fused(f, random_array<batch<>, frames<>, dim<>>({2, 3, 5}, 1), other);
}
auto const product = [](auto&, auto const& x, auto const& y) { return x * y + y; };
}  // namespace

TEST_CASE("expr/broadcast: a bias is added to each row") {
  ss::workspace<host> work;
  ss::inference<host> ctx{work};
  auto const x = ctx.upload(ss::array<double, rows<>, dim<>>({2, 3}, {1, 2, 3, 4, 5, 6}));
  auto const b = ctx.upload(ss::array<double, dim<>>({3}, {10, 20, 30}));
  auto const r = ctx.upload(ss::array<double, rows<>>({2}, {100, 200}));
  CHECK(ctx.download(x + b) == ss::array<double, rows<>, dim<>>({2, 3}, {11, 22, 33, 14, 25, 36}));
  CHECK(ctx.download(b + x) == ctx.download(x + b));
  CHECK(ctx.download(x + r) == ss::array<double, rows<>, dim<>>({2, 3}, {101, 102, 103, 204, 205, 206}));
}

TEST_CASE("expr/broadcast: gradients where the outer, middle or inner axis or several are missing") {
  check_with(product, random_array<frames<>, dim<>>({3, 5}, 2));
  check_with(product, random_array<batch<>, dim<>>({2, 5}, 3));
  check_with(product, random_array<batch<>, frames<>>({2, 3}, 4));
  check_with(product, random_array<dim<>>({5}, 5));
  check_with(product, random_array<frames<>>({3}, 6));
  check_with(product, random_array<batch<>>({2}, 7));
  check_with(product, random_array<>({}, 8));
}

TEST_CASE("expr/broadcast: axes of size one") {
  auto const x = random_array<batch<>, frames<>, dim<>>({1, 3, 1}, 1);
  check_fused(product, x, random_array<batch<>, dim<>>({1, 1}, 2));
  check_fused(product, x, random_array<frames<>>({3}, 3));
}

TEST_CASE("expr/broadcast: more rows than one chunk of the sum over a missing axis") {
  auto const x = random_array<rows<>, dim<>>({150, 3}, 1);
  check_fused(product, x, random_array<dim<>>({3}, 2));
  auto const long_row = random_array<rows<>, dim<>>({2, 5000}, 3);
  auto const r = random_array<rows<>>({2}, 4);
  auto const one = test::detail::run<fastest>(product, {.threads = 1}, long_row, r);
  CHECK(test::detail::run<fastest>(product, {.threads = 3}, long_row, r) == one);
  test::detail::compare("scalar", one, test::detail::run<host>(product, {.threads = 1}, long_row, r), {1e-4, 1e-4});
}

TEST_CASE("expr/broadcast: byte masks and ids become numbers and take no gradient") {
  auto const pick = [](auto&, auto const& x, auto const& mask) { return where(mask, x * 2.0, -x); };
  check_with(pick, ss::array<ss::flag, batch<>, frames<>>({2, 3}, {1, 0, 1, 1, 0, 0}));
  check_with(pick, ss::array<ss::flag, dim<>>({5}, {1, 0, 0, 1, 1}));
  check_with([](auto&, auto const& x, auto const& ids) { return x * ids; }, ss::array<std::int32_t, frames<>>({3}, {-1, 0, 7}));
  check_with([](auto&, auto const& x, auto const& ids) { return x + ids; },
             ss::array<std::int32_t, batch<>, frames<>, dim<>>({2, 3, 5}, 3));
}

TEST_CASE("expr/broadcast: both operands may lack axes of the result") {
  auto const f = [](auto&, auto const& x, auto const& a, auto const& b) { return a * (x + b) * b; };
  check_fused(f, random_array<batch<>, frames<>, dim<>>({2, 3, 5}, 1), random_array<batch<>, dim<>>({2, 5}, 2),
              random_array<dim<>>({5}, 3));
}

TEST_CASE("expr/broadcast: static sizes win over open ones") {
  using namespace ss;
  using wide = axis_list<batch<>, dim<4>>;
  CHECK(std::is_same_v<expr::broadcast<wide, axis_list<dim<>>>, wide>);
  CHECK(std::is_same_v<expr::broadcast<axis_list<batch<>, dim<>>, axis_list<dim<4>>>, wide>);
  CHECK(expr::ordered_subset<axis_list<batch<>, dim<>>, axis_list<batch<>, frames<>, dim<>>>);
  CHECK_FALSE(expr::ordered_subset<axis_list<dim<>, batch<>>, axis_list<batch<>, frames<>, dim<>>>);
  CHECK(expr::positions(axis_list<batch<>, dim<>>{}, axis_list<batch<>, frames<>, dim<>>{}) == std::array<std::size_t, 3>{0, 2, 0});
}

TEST_CASE("expr/broadcast: sizes that differ are named") {
  ss::workspace<host> work;
  ss::inference<host> ctx{work};
  auto const x = ctx.upload(ss::array<double, rows<>, dim<>>({2, 3}));
  auto const b = ctx.upload(ss::array<double, dim<>>({4}));
  CHECK_THROWS_WITH(ctx.eval(x + b), "expression: operands (dim = 4) and (rows = 2, dim = 3) differ in size on axis dim");
}

TEST_CASE("expr/broadcast: empty tensors and axes of size zero") {
  ss::workspace<host> work;
  ss::recording<host> ctx{work};
  auto const x = ctx.leaf(ctx.upload(ss::array<double, rows<>, dim<>>({0, 3})));
  auto const b = ctx.leaf(ctx.upload(ss::array<double, dim<>>({3}, 1.0)));
  auto const e = ctx.leaf(ctx.upload(ss::array<double, rows<>, frames<>, dim<>>({2, 0, 3})));
  auto const r = ctx.leaf(ctx.upload(ss::array<double, rows<>>({2}, 1.0)));
  auto const y = ctx.eval(x * b);
  CHECK(y.extents() == ss::sizes<2>{0, 3});
  auto const z = ctx.eval(e * r + b);
  CHECK(z.size() == 0);
  auto const g = ctx.gradients(ctx.eval(ss::ops::sum(ctx, y) + ss::ops::sum(ctx, z)));
  CHECK(ctx.download(g.of(b)) == ss::array<double, dim<>>({3}, 0.0));  // an empty sum, not what memory held before
  CHECK(ctx.download(g.of(r)) == ss::array<double, rows<>>({2}, 0.0));
  CHECK(g.of(x).size() == 0);
}
