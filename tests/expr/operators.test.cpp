#include "spearstorm/expr/operators.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;
using host = ss::cpu::scalar<ss::f64>;

namespace {

/// What a user writes for an own element-wise function.
struct softplus {
  template <class T> SPEARSTORM_HD static T value(T x) { return log(T(1) + exp(x)); }
  template <class T> SPEARSTORM_HD static T partial(T x, T) { return T(1) / (T(1) + exp(-x)); }
};
/// One with a number of its own and two arguments.
struct mix {
  double t;
  template <class T> SPEARSTORM_HD T value(T a, T b) const { return a * T(1 - t) + b * T(t); }
  template <ss::index I, class T> SPEARSTORM_HD T partial(T, T, T) const { return I == 0 ? T(1 - t) : T(t); }
};

/// Operands are held by value: nothing dangles when the locals of this function end.
auto gate(auto const& x, auto const& y) {
  auto const half = 0.5;
  auto const shifted = x + half;
  return shifted * ss::sigmoid(y);
}

}  // namespace

TEST_CASE("expr/operators: arithmetic with tensors and numbers on both sides") {
  ss::workspace<host> work;
  ss::inference<host> ctx{work};
  auto const x = ctx.upload(ss::array<double, dim<>>({3}, {1, 2, 4}));
  CHECK(ctx.download(8.0 / x - 1) == ss::array<double, dim<>>({3}, {7, 3, 1}));
  CHECK(ctx.download(2 * x + x) == ss::array<double, dim<>>({3}, {3, 6, 12}));
  CHECK(ctx.download(-x * x) == ss::array<double, dim<>>({3}, {-1, -4, -16}));
  CHECK(ctx.download(max(x, 2) - min(x, 2)) == ss::array<double, dim<>>({3}, {1, 0, 2}));
}

TEST_CASE("expr/operators: an expression kept in auto and returned from a function") {
  check_fused(
      [](auto&, auto const& x, auto const& y) {
        auto const e = gate(x, y);
        return e;
      },
      random_array<rows<>, dim<>>({2, 7}, 1), random_array<rows<>, dim<>>({2, 7}, 2));
}

TEST_CASE("expr/operators: a user's functors") {
  auto const x = random_array<rows<>, dim<>>({2, 9}, 1), y = random_array<rows<>, dim<>>({2, 9}, 2);
  check_fused([](auto&, auto const& a) { return ss::map(softplus{}, a); }, x);
  check_fused([](auto&, auto const& a, auto const& b) { return ss::map(mix{0.3}, a, b) * a; }, x, y);
}

TEST_CASE("expr/operators: a leaf that is used several times gets the sum of its gradients") {
  ss::workspace<host> work;
  ss::recording<host> ctx{work};
  auto const x = ctx.leaf(ctx.upload(ss::array<double, dim<>>({2}, {3, 5})));
  auto const g = ctx.gradients(ss::ops::sum(ctx, x * x * x + x));
  CHECK(ctx.download(g.of(x)) == ss::array<double, dim<>>({2}, {28, 76}));  // 3 x^2 + 1
  check_fused([](auto&, auto const& a, auto const& b) { return a * b + ss::silu(a) * (a - b) / (square(b) + 1.0); },
              random_array<rows<>, dim<>>({3, 5}, 1), random_array<dim<>>({5}, 2));
}

TEST_CASE("expr/operators: two views of one tensor in one expression keep their own ways of broadcasting") {
  auto const f = [](auto&, auto const& x, auto const& square) {
    return square * x + ss::view<dim<>>(x);
  };  // x runs along rows, its view along columns
  check_fused(f, random_array<rows<>>({4}, 1), random_array<rows<>, dim<>>({4, 4}, 2));
}

TEST_CASE("expr/operators: sixteen operations fit into one expression") {
  auto const f = [](auto&, auto const& x, auto const& y) {
    return (((x + y) * (x - y) + (x * 0.5) * (y * 0.25)) / (square(x) + 2.0) + (ss::sigmoid(x) - 1.0) * y) * 3.0 - x;
  };
  ss::workspace<host> work;
  ss::inference<host> ctx{work};
  auto const x = ctx.upload(ss::array<double, dim<>>({1}, 1));
  static_assert(decltype(f(ctx, x, x))::nodes == 16);
  check_fused(f, random_array<rows<>, dim<>>({2, 5}, 1), random_array<dim<>>({5}, 2));
}

TEST_CASE("expr/operators: lengths around the width of a batch and the span of a task") {
  for (ss::index n : {1, 3, 7, 8, 9, 15, 16, 17, 31, 33, 2047, 2048, 2049}) {
    INFO("length " << n);
    auto const f = [](auto&, auto const& x, auto const& y) { return x * y - x; };
    auto const x = random_array<dim<>>({n}, 1), y = random_array<dim<>>({n}, 2);
    auto const one = test::detail::run<fastest>(f, {.threads = 1}, x, y);
    CHECK(test::detail::run<fastest>(f, {.threads = 2}, x, y) == one);
    test::detail::compare("fastest", one, test::detail::run<host>(f, {.threads = 1}, x, y), ss::tolerance_of<float>(ss::computed::element));
  }
}
