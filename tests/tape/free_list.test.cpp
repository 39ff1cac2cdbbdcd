#include "spearstorm/tape/free_list.hpp"

#include <array>
#include <vector>

#include "catch.hpp"
#include "spearstorm/core/random.hpp"

namespace ss = spearstorm;

TEST_CASE("tape/free_list: takes the smallest range that is large enough and keeps the rest") {
  std::array<std::byte, 100> memory;
  ss::detail::free_list free;
  CHECK(free.take(1) == nullptr);
  free.give(&memory[0], 40);
  free.give(&memory[50], 20);
  CHECK(free.take(41) == nullptr);
  CHECK(free.take(15) == &memory[50]);
  CHECK(free.take(10) == &memory[0]);
  CHECK(free.take(5) == &memory[65]);
  CHECK(free.take(30) == &memory[10]);
  CHECK(free.ranges() == 0);
}

TEST_CASE("tape/free_list: neighbours become one range, in whatever order they are given") {
  std::array<std::byte, 90> memory;
  for (auto const& order : std::vector<std::array<std::size_t, 3>>{{0, 1, 2}, {2, 1, 0}, {0, 2, 1}, {1, 0, 2}}) {
    ss::detail::free_list free;
    for (std::size_t const i : order) free.give(&memory[30 * i], 30);
    CHECK(free.ranges() == 1);
    CHECK(free.take(90) == &memory[0]);
  }
}

TEST_CASE("tape/free_list: what is taken never overlaps, and all of it comes together again") {
  std::vector<std::byte> memory(4096);
  ss::detail::free_list free;
  free.give(memory.data(), memory.size());
  ss::random_stream const draws{1, 0, 0};
  std::vector<std::pair<std::size_t, std::size_t>> held;  // first, size
  std::vector<int> owner(memory.size());
  for (std::uint32_t i = 0; i < 2000; ++i) {
    auto const size = static_cast<std::size_t>(1 + 200 * draws.uniform(0, i));
    if (auto* const at = draws.uniform(1, i) < 0.5f ? static_cast<std::byte*>(free.take(size)) : nullptr) {
      auto const first = static_cast<std::size_t>(at - memory.data());
      for (std::size_t p = first; p < first + size; ++p) REQUIRE(owner[p]++ == 0);
      held.emplace_back(first, size);
    } else if (!held.empty()) {
      auto const [first, count] = held[static_cast<std::size_t>(draws.uniform(2, i) * 0.999f * static_cast<float>(held.size()))];
      for (std::size_t p = first; p < first + count; ++p) --owner[p];
      free.give(&memory[first], count);
      std::erase(held, std::pair{first, count});
    }
  }
  for (auto const& [first, count] : held) free.give(&memory[first], count);
  CHECK(free.ranges() == 1);
  CHECK(free.take(memory.size()) == memory.data());
}
