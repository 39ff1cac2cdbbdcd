#include "spearstorm/runtime/communicator.hpp"

#include "catch.hpp"
#include "communicator_checks.hpp"
#include "spearstorm/runtime/thread_communicator.hpp"

namespace ss = spearstorm;

TEST_CASE("runtime/communicator: a single rank has what it gives") {
  ss::single_communicator const alone;
  CHECK((alone.rank() == 0 && alone.size() == 1));
  std::vector<float> values{1, 2};
  alone.all_reduce(std::span<float>(values));
  alone.broadcast(std::span<float>(values));
  CHECK(values == std::vector<float>{1, 2});
  CHECK(alone.all_reduce(3.5) == 3.5);
  auto const all = alone.all_gather<float>(values);
  CHECK(all.values == values);
  CHECK(all.counts == std::vector<ss::index>{2});
  CHECK_THROWS_WITH(alone.broadcast(std::span<float>(values), 1), "broadcast: root = 1, expected 0 to 0");
}

TEST_CASE("runtime/communicator: ranks as threads sum in their order, gather blocks of any size, and are told what differs") {
  for (ss::index ranks : {2, 3, 5}) {
    std::vector<std::string> wrong(static_cast<std::size_t>(ranks));
    ss::run_ranks(ranks,
                  [&](ss::communicator const& comm) { wrong[static_cast<std::size_t>(comm.rank())] = test::check_communicator(comm); });
    for (auto const& text : wrong) CHECK(text == "");
  }
}

TEST_CASE("runtime/communicator: blocks that are no whole elements of the reader's type are named") {
  ss::run_ranks(2, [](ss::communicator const& comm) {
    std::string found;
    try {
      if (comm.rank() == 0)
        comm.all_gather<double>(std::vector<double>(1));
      else
        comm.all_gather<char>(std::vector<char>(3));
    } catch (ss::shape_error const& e) {
      found = e.what();
    }
    if (comm.rank() == 0 && found != "all_gather: rank 1 has 3 bytes, expected whole elements of 8") throw std::runtime_error(found);
  });
}

TEST_CASE("runtime/communicator: a rank that has ended is waited for by none, and what it threw is what run_ranks throws") {
  std::string told[2];
  auto const run = [&] {
    ss::run_ranks(3, [&](ss::communicator const& comm) {
      if (comm.rank() == 2) throw std::runtime_error("rank 2 is ill");
      for (int i = 0; i < 2; ++i)  // and not the second time either
        try {
          comm.all_reduce(1.0);
        } catch (ss::communicator_error const& e) {
          told[comm.rank()] += e.what() + std::string("; ");
        }
    });
  };
  CHECK_THROWS_WITH(run(), "rank 2 is ill");
  for (auto const& text : told) {
    std::string const once = "all_reduce of double: rank 2 has ended, expected a call of every rank; ";
    CHECK(text == once + once);
  }
}

TEST_CASE("runtime/communicator: a place in a group is taken once") {
  ss::thread_group group(2);
  ss::thread_communicator const first(group, 0);
  CHECK_THROWS_WITH(ss::thread_communicator(group, 0), "thread_communicator: rank = 0 is taken, expected one that is free");
  CHECK_THROWS_WITH(ss::thread_communicator(group, 2), "thread_communicator: rank = 2, expected 0 to 1");
  CHECK_THROWS_WITH(ss::thread_group(0), "thread_group: ranks = 0, expected 1 to 65536");
}
