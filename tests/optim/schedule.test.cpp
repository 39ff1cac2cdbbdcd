#include "spearstorm/optim/schedule.hpp"

#include "catch.hpp"

namespace ss = spearstorm;

TEST_CASE("optim/schedule: warm-up rises in equal steps, the cosine reaches its end at the last step") {
  ss::optim::rate_schedule const rate{.rate = 1.0, .initial = 0.0, .final_rate = 0.1, .warmup = 4, .total = 12};
  CHECK(rate.at(0) == Approx(0.25));
  CHECK(rate.at(1) == Approx(0.5));
  CHECK(rate.at(3) == Approx(1.0));
  CHECK(rate.at(7) == Approx(0.55));  // half way down
  CHECK(rate.at(11) == Approx(0.1));
  CHECK(rate.at(50) == Approx(0.1));
}

TEST_CASE("optim/schedule: without a total it stays where the warm-up ends") {
  ss::optim::rate_schedule const rate{.rate = 1.0, .warmup = 2};
  CHECK(rate.at(1) == Approx(1.0));
  CHECK(rate.at(1000) == Approx(1.0));
}
