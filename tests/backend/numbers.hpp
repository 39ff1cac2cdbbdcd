#pragma once
// What the tests of the verbs share: repeatable numbers, and a policy with its team.

#include <cmath>
#include <vector>

#include "catch.hpp"
#include "policies.hpp"
#include "spearstorm/core/random.hpp"
#include "spearstorm/core/tolerance.hpp"

namespace test {

using ss::index;

/// Values in [-1, 1), the same in every run and type.
template <class T>
std::vector<T> numbers(index n, std::uint32_t stream = 1) {
  ss::random_stream const draws{2024, 0, stream};
  std::vector<T> made;
  for (index i = 0; i < n; ++i) made.push_back(static_cast<T>(2 * draws.uniform(0, static_cast<std::uint32_t>(i)) - 1));
  return made;
}

template <class Exec>
struct alone {
  ss::thread_team team;
  Exec exec{team};
  explicit alone(index threads = 2) : team(threads) {}
};

/// f(exec, name) with each policy of both precisions.
template <class F>
void with_policies(F const& f) {
  auto const one = [&]<class Exec>(std::type_identity<Exec>, char const* name) {
    alone<Exec> with;
    INFO(name << (sizeof(typename Exec::value_type) == 4 ? " in float" : " in double"));
    f(with.exec);
  };
  for_each_policy<ss::f32>(one);
  for_each_policy<ss::f64>(one);
}

/// How many elements differ by more than the tolerance. One CHECK a vector, not one an element.
template <class T, class U>
index disagreements(std::vector<T> const& found, std::vector<U> const& expected, ss::tolerance within) {
  if (found.size() != expected.size()) return static_cast<index>(std::max(found.size(), expected.size()));
  index wrong = 0;
  for (std::size_t i = 0; i < found.size(); ++i)
    wrong += !ss::agree(static_cast<double>(found[i]), static_cast<double>(expected[i]), within);
  return wrong;
}
template <class T, class U>
index disagreements(std::vector<T> const& found, std::vector<U> const& expected, ss::computed kind) {
  return disagreements(found, expected, ss::tolerance_of<T>(kind));
}

}  // namespace test
