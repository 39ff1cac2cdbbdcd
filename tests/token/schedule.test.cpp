#include "spearstorm/token/schedule.hpp"

#include <limits>

#include "catch.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using ss::index;

TEST_CASE("token/schedule: linear and cosine by hand") {
  CHECK(token::linear_schedule(0.25f) == 0.75f);
  CHECK(token::cosine_schedule(0.0f) == 1.0f);
  CHECK(token::cosine_schedule(0.5f) == Approx(0.70710678));
  CHECK(token::cosine_schedule(1.0f / 3) == Approx(0.8660254));
  CHECK(std::abs(token::cosine_schedule(1.0f)) < 1e-6f);
}

TEST_CASE("token/schedule: ten tokens in four steps by hand") {
  // cos(pi/8) 10 = 9.24, cos(pi/4) 10 = 7.07, cos(3pi/8) 10 = 3.83, 0
  CHECK(token::masked_counts(token::cosine_schedule, 4, 10) == std::vector<index>{9, 7, 3, 0});
  CHECK(token::masked_counts(token::linear_schedule, 4, 10) == std::vector<index>{7, 5, 2, 0});
  CHECK(token::masked_count(token::cosine_schedule, 2, 4, 10) == 3);
}

TEST_CASE("token/schedule: a hundred tokens in the paper's 16 steps") {
  CHECK(token::masked_counts(token::cosine_schedule, 16, 100) ==
        std::vector<index>{99, 98, 95, 92, 88, 83, 77, 70, 63, 55, 47, 38, 29, 19, 9, 0});
}

TEST_CASE("token/schedule: where the schedule would fix nothing, one token is fixed all the same") {
  CHECK(token::scheduled_count(token::cosine_schedule, 0, 16, 10) == 9);
  CHECK(token::scheduled_count(token::cosine_schedule, 1, 16, 10) == 9);
  CHECK(token::masked_counts(token::cosine_schedule, 16, 10) == std::vector<index>{9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0});
  CHECK(token::masked_counts([](float) { return 1.0f; }, 3, 10) == std::vector<index>{9, 8, 0});
  CHECK(token::masked_counts(token::cosine_schedule, 1, 10) == std::vector<index>{0});
  CHECK(token::masked_counts(token::cosine_schedule, 3, 0) == std::vector<index>{0, 0, 0});
}

TEST_CASE("token/schedule: counts fall by one at least until none is left, for any sizes") {
  token::schedule const steep = [](float t) { return (1 - t) * (1 - t); };
  for (token::schedule const& of : {token::schedule(token::cosine_schedule), token::schedule(token::linear_schedule), steep})
    for (index steps = 1; steps < 20; ++steps)
      for (index total = 0; total < 60; ++total) {
        auto const counts = token::masked_counts(of, steps, total);
        REQUIRE(static_cast<index>(counts.size()) == steps);
        index before = total;
        for (index step = 0; step < steps; ++step) {
          index const now = counts[static_cast<std::size_t>(step)];
          REQUIRE(now >= 0);
          REQUIRE((before == 0 ? now == 0 : now < before));
          REQUIRE(now <= token::scheduled_count(of, step, steps, total));
          before = now;
        }
        REQUIRE(before == 0);
      }
}

TEST_CASE("token/schedule: float32 products lose at most one token, and none where the times are exact") {
  for (index steps = 1; steps <= 64; ++steps)
    for (index step = 0; step < steps; ++step) {
      index const exact = (steps - 1 - step) * 10, found = token::scheduled_count(token::linear_schedule, step, steps, steps * 10);
      REQUIRE((found == exact || found == exact - 1));
      if ((steps & (steps - 1)) == 0) REQUIRE(found == exact);
    }
  CHECK(token::time_at(3, 3) == 1.0f);
  CHECK(token::time_at(1, 4) == 0.25f);
}

TEST_CASE("token/schedule: what a schedule or a caller may not do") {
  CHECK_THROWS_WITH(token::masked_share([](float) { return 1.5f; }, 0.5f), "schedule: share at t = 0.5 is 1.5, expected 0 to 1");
  CHECK_THROWS_AS(token::masked_share([](float) { return std::numeric_limits<float>::quiet_NaN(); }, 0.5f), ss::value_error);
  CHECK_THROWS_WITH(token::masked_count(token::cosine_schedule, 4, 4, 10), "masked_count: step = 4, expected 0 to 3");
  CHECK_THROWS_AS(token::scheduled_count(token::cosine_schedule, 0, 0, 10), ss::value_error);
  CHECK_THROWS_AS(token::scheduled_count(token::cosine_schedule, 0, 1, -1), ss::value_error);
}
