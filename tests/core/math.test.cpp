#include "spearstorm/core/math.hpp"

#include "catch.hpp"

namespace ss = spearstorm;

TEST_CASE("core/math: one overload set for both precisions") {
  STATIC_REQUIRE(std::is_same_v<decltype(ss::exp(1.0f)), float>);
  STATIC_REQUIRE(std::is_same_v<decltype(ss::exp(1.0)), double>);
  STATIC_REQUIRE(std::is_same_v<decltype(ss::abs(-1.5f)), float>);
  CHECK(ss::abs(-1.5f) == 1.5f);  // not the integer's abs
  CHECK(ss::max(2, 3) == 3);
  CHECK(ss::min(2.0, 3.0) == 2);
  CHECK(ss::select(true, 1.0f, 2.0f) == 1);
  CHECK(ss::select(false, 1.0f, 2.0f) == 2);
}
