#include "spearstorm/runtime/thread_team.hpp"

#include <numeric>
#include <vector>

#include "catch.hpp"

namespace ss = spearstorm;
using ss::thread_team;

TEST_CASE("runtime/thread_team: each task once, for any number of threads") {
  for (ss::index threads : {1, 2, 3, 8}) {
    thread_team team(threads);
    CHECK(team.size() == threads);
    for (ss::index tasks : {0, 1, 2, 7, 1000}) {
      std::vector<int> visits(static_cast<std::size_t>(tasks));
      team.run(tasks, [&](ss::index task) { ++visits[static_cast<std::size_t>(task)]; });
      CHECK(visits == std::vector<int>(visits.size(), 1));
    }
  }
}

TEST_CASE("runtime/thread_team: many short rounds, none lost") {
  thread_team team(3);
  std::vector<long> sums(16);
  for (int round = 0; round < 3000; ++round) team.run(16, [&](ss::index task) { sums[static_cast<std::size_t>(task)] += task + round; });
  for (std::size_t task = 0; task < 16; ++task) REQUIRE(sums[task] == static_cast<long>(task) * 3000 + 3000 * 2999 / 2);
}

TEST_CASE("runtime/thread_team: an exception comes out, and the team goes on") {
  for (ss::index threads : {1, 2, 3}) {
    thread_team team(threads);
    for (int round = 0; round < 50; ++round)
      CHECK_THROWS_WITH(team.run(20,
                                 [&](ss::index task) {
                                   if (task == 13) throw std::runtime_error("task 13");
                                 }),
                        "task 13");
    std::atomic<int> done{0};
    team.run(20, [&](ss::index) { ++done; });
    CHECK(done == 20);
    CHECK_THROWS(team.run(20, [](ss::index) { throw std::runtime_error("all of them"); }));  // only one is seen
    CHECK_NOTHROW(team.run(2, [](ss::index) {}));
  }
}

TEST_CASE("runtime/thread_team: a run within a task is done on the spot") {
  thread_team team(2);
  std::vector<int> visits(60);
  team.run(6, [&](ss::index outer) { team.run(10, [&](ss::index inner) { ++visits[static_cast<std::size_t>(outer * 10 + inner)]; }); });
  CHECK(visits == std::vector<int>(60, 1));
  CHECK_THROWS_WITH(team.run(4, [&](ss::index) { team.run(3, [](ss::index) { throw std::runtime_error("inner"); }); }), "inner");
  CHECK_NOTHROW(team.run(4, [](ss::index) {}));
}

TEST_CASE("runtime/thread_team: 0 takes one per processor, fewer is refused") {
  CHECK(thread_team(0).size() >= 1);
  CHECK_THROWS_WITH(thread_team(-2), "thread_team: threads = -2, expected 0 or more");
}
