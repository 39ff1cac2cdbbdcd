#include "spearstorm/runtime/write_each.hpp"

#include "catch.hpp"

namespace ss = spearstorm;

TEST_CASE("runtime/write_each: every place once, by pieces, and nothing behind the last") {
  for (ss::index n : {0, 1, 16383, 16384, 16385, 50000}) {
    std::vector<int> to(static_cast<std::size_t>(n + 1), -1);
    ss::index calls = 0;
    ss::write_each<ss::host_memory>(to.data(), n, [&](ss::index i) {
      ++calls;
      return static_cast<int>(i);
    });
    CHECK(calls == n);
    ss::index wrong = 0;
    for (ss::index i = 0; i < n; ++i) wrong += to[static_cast<std::size_t>(i)] != i;
    CHECK(wrong == 0);
    CHECK(to.back() == -1);
  }
}
