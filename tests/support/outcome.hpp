#pragma once
// What a test makes an op do: its output and its gradients on one policy, from inputs that need no files.

#include <cmath>
#include <tuple>
#include <vector>

#include "spearstorm/core/random.hpp"
#include "spearstorm/ops/sum.hpp"

namespace test {

namespace ss = spearstorm;

/// Normal draws as a host array, so that tests need no files.
template <ss::axis_type... Axes>
ss::array<double, Axes...> random_array(ss::sizes<sizeof...(Axes)> extents, std::uint64_t seed, double scale = 1) {
  ss::array<double, Axes...> made(extents);
  ss::random_stream const draws{seed, 0, 0};
  for (ss::index i = 0; i < made.size(); ++i) made.data()[i] = scale * draws.normal(0, static_cast<std::uint32_t>(i));
  return made;
}

namespace detail {

/// An op's output, then the gradients of its floating inputs, flat and in double.
struct outcome {
  std::vector<double> output;
  std::vector<std::vector<double>> gradients;
  friend bool operator==(outcome const&, outcome const&) = default;
};

template <class A>
constexpr bool differentiable = std::is_floating_point_v<typename A::value_type>;

/// The weights of the scalar that gradients are taken of: fixed, no two alike.
inline double weight_of(std::size_t i) { return 0.3 + std::sin(1.0 + 1.7 * static_cast<double>(i)); }

template <bool AsExpression, class Exec, class F, class... Arrays>
outcome run_with(F const& f, ss::workspace_options options, Arrays const&... inputs) {
  ss::workspace<Exec> work{options};
  ss::recording<Exec> ctx{work};
  auto const enter = [&](auto const& host) {
    auto const x = ctx.upload(host);
    if constexpr (differentiable<std::remove_cvref_t<decltype(host)>>)
      return ctx.leaf(x);
    else
      return x;
  };
  auto const leaves = std::tuple{enter(inputs)...};
  auto const call = [&](auto const&... x) { return ctx.eval(f(ctx, x...)); };
  auto const expression = [](auto const& x) {
    if constexpr (AsExpression && std::is_floating_point_v<typename std::remove_cvref_t<decltype(x)>::value_type>)
      return x * 1.0;
    else
      return x;
  };
  auto const y = std::apply([&](auto const&... x) { return call(expression(x)...); }, leaves);
  auto const host = ctx.download(y);
  outcome made;
  made.output.assign(host.begin(), host.end());
  auto weights = host;
  for (std::size_t i = 0; i < made.output.size(); ++i) weights.data()[i] = static_cast<typename Exec::value_type>(weight_of(i));
  auto const loss = ss::ops::sum(ctx, y * ctx.upload(weights));
  auto const g = ctx.gradients(loss);
  auto const collect = [&](auto const& x) {
    if constexpr (std::is_floating_point_v<typename std::remove_cvref_t<decltype(x)>::value_type>) {
      auto const dx = ctx.download(g.of(x));
      made.gradients.emplace_back(dx.begin(), dx.end());
    }
  };
  std::apply([&](auto const&... x) { (collect(x), ...); }, leaves);
  return made;
}

template <class Exec, class F, class... Arrays>
outcome run(F const& f, ss::workspace_options options, Arrays const&... inputs) {
  return run_with<false, Exec>(f, options, inputs...);
}

}  // namespace detail

}  // namespace test
