#include "spearstorm/runtime/thread_space.hpp"

#include <thread>

#include "catch.hpp"

namespace ss = spearstorm;

TEST_CASE("runtime/thread_space: one memory a use and thread, which grows and does not shrink") {
  struct one;
  struct other;
  auto* const first = ss::thread_space<one, int>(10);
  first[9] = 7;
  CHECK(ss::thread_space<one, int>(4) == first);
  CHECK(ss::thread_space<other, int>(10) != first);
  int* elsewhere = nullptr;
  std::thread([&] { elsewhere = ss::thread_space<one, int>(10), elsewhere[9] = 8; }).join();
  CHECK(first[9] == 7);
  auto* const grown = ss::thread_space<one, int>(100000);
  grown[99999] = 1;
  CHECK(ss::thread_space<one, int>(10) == grown);
}
