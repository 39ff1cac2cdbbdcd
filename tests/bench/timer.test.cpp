#include "spearstorm/bench/timer.hpp"

#include "../io/scratch.hpp"

namespace ss = spearstorm;
using namespace ss::bench;

TEST_CASE("bench/timer: a row tells name, runs, median, spread, rate and the change") {
  timing const before{"gemm", 9, 2e-3, 1.8e-3, 1.9e-3, 2.1e-3}, now{"gemm", 5, 1e-3, 0.8e-3, 0.95e-3, 1.05e-3};
  auto const line = row(now, {.flops = 4e6}, &before);
  CHECK(line.find("gemm  ") == 0);
  CHECK_THAT(line, test_io::contains("5 runs"));
  CHECK_THAT(line, test_io::contains("1.00 ms"));
  CHECK_THAT(line, test_io::contains("5.0 %"));
  CHECK_THAT(line, test_io::contains("4.00 GFLOP/s"));
  CHECK_THAT(line, test_io::contains("x 0.50  faster"));
  CHECK_THAT(row(before, {}, &now), test_io::contains("x 2.00  SLOWER"));
  CHECK(row(now).find(" x ") == std::string::npos);
  CHECK(to_text(412.3e-6) == "412.30 us");
  CHECK(to_text(3.5) == "3.50 s ");
}

TEST_CASE("bench/timer: measure runs as often as it says") {
  int calls = 0;
  auto const took = measure("count", [&] { ++calls; }, {.seconds = 0, .min_runs = 7, .warm = 3, .print = nullptr});
  CHECK(took.runs == 7);
  CHECK(calls >= 10);
  CHECK((calls - 3) % 7 == 0);  // each run has the same number of calls
  CHECK(took.least <= took.low);
  CHECK(took.low <= took.median);
  CHECK(took.median <= took.high);
  CHECK_THROWS_AS(measure("none", [] {}, {.min_runs = 0, .print = nullptr}), ss::value_error);
  CHECK(measure("returns", [] { return 1; }, {.seconds = 0, .warm = 0, .print = nullptr}).runs == 5);
}

TEST_CASE("bench/timer: measure keeps its timing in the baseline given") {
  test_io::scratch const folder;
  baseline kept(folder / "kept.txt");
  auto const took = measure("one", [] {}, {.seconds = 0, .against = &kept, .print = nullptr});
  CHECK(kept.before("one") == nullptr);
  baseline const again(folder / "kept.txt");
  REQUIRE(again.before("one") != nullptr);
  CHECK(again.before("one")->median == took.median);
}
