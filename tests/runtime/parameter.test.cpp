#include "spearstorm/runtime/parameter.hpp"

#include <cmath>

#include "catch.hpp"
#include "policies.hpp"

namespace ss = spearstorm;
using namespace ss::axes;
using exec = ss::cpu::scalar<>;
using weight = ss::parameter<exec, out<>, in<>>;

TEST_CASE("runtime/parameter: ids differ, versions rise with every change") {
  ss::workspace<exec> work;
  weight a(work, {2, 3}, ss::initialiser::zeros()), b(work, {2, 3}, ss::initialiser::ones());
  CHECK(a.id() != b.id());
  auto const before = a.version();
  a.change_()[0] = 5;
  CHECK(a.version() == before + 1);
  a.assign_(std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(a.version() == before + 2);
  CHECK(a.to_host()(1, 0) == 4);
  CHECK(b.to_host()(1, 0) == 1);
  CHECK_THROWS_WITH(a.assign_(std::vector<float>{1, 2}), "parameter: 2 values for (out = 2, in = 3), expected 6");
  CHECK(a.version() == before + 2);
}

TEST_CASE("runtime/parameter: a move keeps id, version and storage") {
  ss::workspace<exec> work;
  weight a(work, {2, 3}, ss::initialiser::ones());
  auto const id = a.id(), version = a.version();
  auto const* const data = a.data();
  weight const b = std::move(a);
  CHECK(b.id() == id);
  CHECK(b.version() == version);
  CHECK(b.data() == data);
}

TEST_CASE("runtime/parameter: initialisers repeat with the seed and differ by parameter") {
  auto const drawn = [](std::uint64_t seed, int skip, ss::initialiser start) {
    ss::workspace<exec> work{{.seed = seed}};
    for (int i = 0; i < skip; ++i) weight(work, {1, 1}, start);
    return weight(work, {40, 50}, start).to_host();
  };
  auto const uniform = ss::initialiser::uniform(0.25);
  auto const x = drawn(1, 0, uniform);
  CHECK(drawn(1, 0, uniform) == x);
  CHECK_FALSE(drawn(2, 0, uniform) == x);
  CHECK_FALSE(drawn(1, 1, uniform) == x);
  float least = 1, most = -1;
  for (float v : x) least = std::min(least, v), most = std::max(most, v);
  CHECK(least >= -0.25f);
  CHECK(most <= 0.25f);
  CHECK(most - least > 0.45f);
  double squares = 0;
  for (float v : drawn(1, 0, ss::initialiser::normal(2))) squares += v * v;
  CHECK(std::sqrt(squares / 2000) == Approx(2).epsilon(0.05));
}

TEST_CASE("runtime/parameter: every policy draws the same values") {
  auto const want = [] {
    ss::workspace<exec> work{{.seed = 9}};
    return weight(work, {3, 5}, ss::initialiser::uniform(1)).to_host();
  }();
  test::for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    ss::workspace<Exec> work{{.seed = 9}};
    CHECK(ss::parameter<Exec, out<>, in<>>(work, {3, 5}, ss::initialiser::uniform(1)).to_host() == want);
  });
}
