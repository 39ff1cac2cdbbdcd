#include "spearstorm/core/order.hpp"

#include <limits>
#include <vector>

#include "catch.hpp"

namespace ss = spearstorm;

namespace {
float const infinity = std::numeric_limits<float>::infinity();
std::vector<float> const rising{-infinity, -3.4e38f, -2.0f, -1.0f, -1e-45f, 0.0f, 1e-45f, 0.5f, 1.0f, 3.4e38f, infinity};
}  // namespace

TEST_CASE("core/order: integers are in the order of floats, both zeros are one") {
  for (std::size_t i = 1; i < rising.size(); ++i) CHECK(ss::ordered(rising[i - 1]) < ss::ordered(rising[i]));
  CHECK(ss::ordered(-0.0f) == ss::ordered(0.0f));
  CHECK(ss::ordered(-infinity) > std::numeric_limits<std::int32_t>::min());
}

TEST_CASE("core/order: from_ordered gives the float back") {
  for (float x : rising) CHECK(ss::from_ordered(ss::ordered(x)) == x);
}
