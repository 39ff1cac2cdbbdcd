#include "spearstorm/bench/statistics.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
using namespace ss::bench;

TEST_CASE("bench/statistics: quantiles lie between neighbours") {
  CHECK(quantile({3, 1, 2}, 0.5) == 2);
  CHECK(quantile({4, 1, 3, 2}, 0.5) == 2.5);
  CHECK(quantile({5, 1, 3, 2, 4}, 0.25) == 2);
  CHECK(quantile({4, 1, 3, 2}, 0.75) == 3.25);
  CHECK(quantile({4, 1, 3, 2}, 0) == 1);
  CHECK(quantile({4, 1, 3, 2}, 1) == 4);
  CHECK(quantile({7}, 0.25) == 7);
  CHECK_THROWS_AS(quantile({}, 0.5), ss::value_error);
  CHECK_THROWS_AS(quantile({1}, 1.5), ss::value_error);
}

TEST_CASE("bench/statistics: a timing is not moved by one slow run") {
  auto const took = summarize("op", {1, 2, 3, 4, 1000});
  CHECK(took.name == "op");
  CHECK(took.runs == 5);
  CHECK(took.median == 3);
  CHECK(took.least == 1);
  CHECK(took.low == 2);
  CHECK(took.high == 4);
  CHECK(took.spread() == 2);
}

TEST_CASE("bench/statistics: timings differ where their quartile ranges do not touch") {
  auto const with = [](double low, double high) { return timing{"op", 5, (low + high) / 2, low, low, high}; };
  CHECK(compare(with(1, 2), with(3, 4)) == verdict::slower);
  CHECK(compare(with(3, 4), with(1, 2)) == verdict::faster);
  CHECK(compare(with(1, 3), with(2, 4)) == verdict::same);
  CHECK(compare(with(1, 2), with(2, 4)) == verdict::same);
  CHECK(compare(with(1, 4), with(2, 3)) == verdict::same);
}
