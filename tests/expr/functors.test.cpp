#include "spearstorm/expr/functors.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;
namespace fn = ss::functors;

namespace {

double const step = 1e-6;
ss::tolerance const within = ss::tolerance_of<double>(ss::computed::difference);

/// partial against differences of value, at points away from kinks.
template <class F>
void check_unary(F f, std::vector<double> const& points) {
  for (double x : points) {
    INFO("x = " << x);
    double const numeric = (f.value(x + step) - f.value(x - step)) / (2 * step);
    CHECK(ss::agree(f.partial(x, f.value(x)), numeric, within));
  }
}
template <class F>
void check_binary(F f) {
  for (double a : {-1.5, 0.3, 2.0})
    for (double b : {-0.7, 0.9, 3.1}) {
      INFO("a = " << a << ", b = " << b);
      double const y = f.value(a, b);
      CHECK(ss::agree(f.template partial<0>(a, b, y), (f.value(a + step, b) - f.value(a - step, b)) / (2 * step), within));
      CHECK(ss::agree(f.template partial<1>(a, b, y), (f.value(a, b + step) - f.value(a, b - step)) / (2 * step), within));
    }
}

}  // namespace

TEST_CASE("expr/functors: values that can be checked by hand") {
  CHECK(fn::silu::value(0.0) == 0.0);
  CHECK(fn::silu::value(1.0) == Approx(0.7310585786));
  CHECK(fn::gelu::value(1.0) == Approx(0.8413447461));  // Phi(1)
  CHECK(fn::sigmoid::value(0.0) == 0.5);
  CHECK(fn::relu::value(-2.0) == 0.0);
  CHECK(fn::leaky_relu{0.25}.value(-2.0) == -0.5);
  CHECK(fn::clamp{-1, 1}.value(3.0) == 1.0);
  CHECK(fn::where::value(1.0, 2.0, 3.0) == 2.0);
  CHECK(fn::where::value(0.0, 2.0, 3.0) == 3.0);
  CHECK(fn::maximum::value(2.0, 3.0) == 3.0);
  CHECK(fn::minimum::value(2.0, 3.0) == 2.0);
  CHECK(fn::magnitude::value(-2.0) == 2.0);
}

TEST_CASE("expr/functors: each partial equals the difference of values") {
  std::vector<double> const anywhere{-3.2, -0.8, -0.1, 0.2, 0.9, 2.7}, positive{0.1, 0.8, 4.0};
  check_unary(fn::negate{}, anywhere);
  check_unary(fn::exp_of{}, anywhere);
  check_unary(fn::log_of{}, positive);
  check_unary(fn::sqrt_of{}, positive);
  check_unary(fn::square{}, anywhere);
  check_unary(fn::magnitude{}, anywhere);
  check_unary(fn::tanh_of{}, anywhere);
  check_unary(fn::sigmoid{}, anywhere);
  check_unary(fn::silu{}, anywhere);
  check_unary(fn::relu{}, anywhere);
  check_unary(fn::gelu{}, anywhere);
  check_unary(fn::leaky_relu{0.2}, anywhere);
  check_unary(fn::clamp{-1, 1}, anywhere);
  check_binary(fn::add{});
  check_binary(fn::subtract{});
  check_binary(fn::multiply{});
  check_binary(fn::divide{});
  check_binary(fn::maximum{});
  check_binary(fn::minimum{});
}

TEST_CASE("expr/functors: at a kink the documented side gets the gradient") {
  CHECK(fn::magnitude::partial(0.0, 0.0) == 0.0);
  CHECK(fn::relu::partial(0.0, 0.0) == 0.0);
  CHECK(fn::maximum::partial<0>(1.0, 1.0, 1.0) == 1.0);
  CHECK(fn::maximum::partial<1>(1.0, 1.0, 1.0) == 0.0);
  CHECK(fn::minimum::partial<0>(1.0, 1.0, 1.0) == 1.0);
  CHECK(fn::where::partial<0>(1.0, 2.0, 3.0, 2.0) == 0.0);
}

TEST_CASE("expr/functors: every functor on every policy, odd length") {
  auto const a = random_array<rows<>, dim<>>({3, 11}, 1), b = random_array<rows<>, dim<>>({3, 11}, 2);
  check_fused([](auto&, auto const& x, auto const& y) { return ss::silu(x) * ss::sigmoid(y) - ss::gelu(x) / (2.5 + tanh(y)); }, a, b);
  check_fused([](auto&, auto const& x, auto const& y) { return exp(-abs(x)) + log(1.5 + square(y)) * sqrt(square(x) + 0.5); }, a, b);
  check_fused(
      [](auto&, auto const& x, auto const& y) { return max(x, y) * min(x, 0.4) + ss::relu(y) + leaky_relu(x, 0.1) * clamp(y, -0.5, 0.8); },
      a, b);
}
