#include "spearstorm/core/tolerance.hpp"

#include <limits>

#include "catch.hpp"

namespace ss = spearstorm;

TEST_CASE("core/tolerance: agreement") {
  ss::tolerance const within{0.1, 0.01};
  double const infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(ss::agree(10.19, 10, within));
  CHECK_FALSE(ss::agree(10.21, 10, within));
  CHECK(ss::agree(-10.19, -10, within));
  CHECK(ss::agree(infinity, infinity, within));
  CHECK_FALSE(ss::agree(-infinity, infinity, within));
  CHECK_FALSE(ss::agree(3, infinity, within));
  CHECK_FALSE(ss::agree(nan, nan, within));
  CHECK_FALSE(ss::agree(0, nan, within));
  CHECK(ss::tolerance_of<double>(ss::computed::element).relative < ss::tolerance_of<float>(ss::computed::element).relative);
}
