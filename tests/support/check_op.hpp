#pragma once
// One line checks an op: check_op(f, inputs...). It demands that
//   - gradients in double equal finite differences,
//   - every policy gives the reference's values and gradients within the tolerance table,
//   - the threaded policy gives the same bits with 1, 2 and 3 threads, and when run again,
//   - an expression as input gives what the stored tensor gives.
//
// f(ctx, x...) returns a tensor. Inputs are host arrays; gradients are taken for the floating ones.

#include "catch.hpp"
#include "outcome.hpp"
#include "policies.hpp"
#include "spearstorm/core/tolerance.hpp"

namespace test {

struct check_options {
  ss::computed kind = ss::computed::reduction;  ///< row of the tolerance table for float policies
  bool expressions = true;                      ///< also hand the inputs over as expressions
  double step = 1e-6;                           ///< of finite differences
};

namespace detail {

/// The same scalar from an inference context: what finite differences are taken of.
template <class Exec, class F, class... Arrays>
double scalar_of(F const& f, ss::workspace<Exec>& work, ss::random_state start, Arrays const&... inputs) {
  work.restore_(start);
  ss::inference<Exec> ctx{work};
  auto const y = ctx.download(f(ctx, ctx.upload(inputs)...));
  double total = 0;
  for (ss::index i = 0; i < y.size(); ++i) total += weight_of(static_cast<std::size_t>(i)) * static_cast<double>(y.data()[i]);
  return total;
}

inline void compare(std::string const& what, std::vector<double> const& found, std::vector<double> const& expected, ss::tolerance within) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    if (!ss::agree(found[i], expected[i], within)) {
      INFO(what << ", element " << i << " of " << found.size());
      CHECK(found[i] == Approx(expected[i]).epsilon(within.relative).margin(within.absolute));
      return;  // the first difference says enough
    }
}
inline void compare(std::string const& what, outcome const& found, outcome const& expected, ss::tolerance within) {
  compare(what + ": output", found.output, expected.output, within);
  REQUIRE(found.gradients.size() == expected.gradients.size());
  for (std::size_t k = 0; k < found.gradients.size(); ++k)
    compare(what + ": gradient of input " + std::to_string(k), found.gradients[k], expected.gradients[k], within);
}

template <class F, class... Arrays>
void check_differences(F const& f, check_options options, outcome const& reference, Arrays... inputs) {
  using Exec = ss::cpu::scalar<ss::f64>;
  ss::workspace<Exec> work{{.seed = 7}};
  auto const start = work.random();
  std::size_t k = 0;
  auto const differentiate = [&](auto& input) {
    if constexpr (differentiable<std::remove_cvref_t<decltype(input)>>) {
      std::vector<double> numeric;
      for (auto& x : input.values()) {
        double const kept = x;
        x = kept + options.step;
        double const above = scalar_of(f, work, start, inputs...);
        x = kept - options.step;
        double const below = scalar_of(f, work, start, inputs...);
        x = kept;
        numeric.push_back((above - below) / (2 * options.step));
      }
      compare("gradient of input " + std::to_string(k) + " against finite differences", reference.gradients[k], numeric,
              ss::tolerance_of<double>(ss::computed::difference));
      ++k;
    }
  };
  (differentiate(inputs), ...);
}

template <bool Expressions, class F, class... Arrays>
void check_all(check_options options, F const& f, Arrays const&... inputs) {
  using reference_policy = ss::cpu::scalar<ss::f64>;
  auto const reference = run<reference_policy>(f, {.seed = 7, .threads = 1}, inputs...);
  for (double y : reference.output) REQUIRE(std::isfinite(y));
  if constexpr (Expressions)  // on one policy: storing an expression is tested on all of them in tests/expr
    if (options.expressions) {
      INFO("an expression as input gives other bits than the stored tensor");
      CHECK(run_with<true, reference_policy>(f, {.seed = 7, .threads = 1}, inputs...) == reference);
    }
  check_differences(f, options, reference, inputs...);

  auto const within = ss::tolerance_of<float>(options.kind);
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* name) {
    auto const one = run<Exec>(f, {.seed = 7, .threads = 1}, inputs...);
    compare(name, one, reference, within);
    for (ss::index threads : {2, 3}) {
      INFO(name << " with " << threads << " threads gives other bits than with one");
      CHECK(run<Exec>(f, {.seed = 7, .threads = threads}, inputs...) == one);
    }
  });
}

}  // namespace detail

template <class F, class... Arrays>
void check_op(check_options options, F const& f, Arrays const&... inputs) {
  detail::check_all<true>(options, f, inputs...);
}
template <class F, class First, class... Arrays>
  requires(!std::is_same_v<F, check_options>)
void check_op(F const& f, First const& first, Arrays const&... inputs) {
  check_op(check_options{}, f, first, inputs...);
}

/// The same for what is an expression itself; its inputs are tensors only, which compiles in half the time.
template <class F, class First, class... Arrays>
void check_fused(F const& f, First const& first, Arrays const&... inputs) {
  detail::check_all<false>(check_options{}, f, first, inputs...);
}

}  // namespace test
