#include "spearstorm/core/error.hpp"

#include <limits>

#include "catch.hpp"

namespace ss = spearstorm;

TEST_CASE("core/error: a size names function, argument and both sizes") {
  CHECK_NOTHROW(ss::check_size("linear", "input", "dim", 512, "weight", 512));
  CHECK_THROWS_AS(ss::check_size("linear", "input", "dim", 384, "weight", 512), ss::shape_error);
  CHECK_THROWS_WITH(ss::check_size("linear", "input", "dim", 384, "weight", 512), "linear: input has dim = 384, weight expects dim = 512");
}

TEST_CASE("core/error: ranges include their ends, NaN lies in none") {
  CHECK_NOTHROW(ss::check_range("f", "rate", 0.0, 0.0, 1.0));
  CHECK_NOTHROW(ss::check_range("f", "rate", 1.0, 0.0, 1.0));
  CHECK_THROWS_WITH(ss::check_range("f", "rate", 1.5, 0.0, 1.0), "f: rate = 1.5, expected 0 to 1");
  CHECK_THROWS_AS(ss::check_range("f", "steps", -1, 0, 9), ss::value_error);
  CHECK_THROWS_AS(ss::check_range("f", "rate", std::numeric_limits<double>::quiet_NaN(), 0.0, 1.0), ss::value_error);
}

TEST_CASE("core/error: every error is a runtime_error and an ss::error") {
  CHECK_THROWS_AS(ss::fail<ss::format_error>("a", 1), ss::error);
  CHECK_THROWS_AS(ss::fail<ss::stale_tensor>("a"), std::runtime_error);
  CHECK_THROWS_WITH(ss::fail<ss::io_error>("read ", 3, " of ", 4), "read 3 of 4");
}
