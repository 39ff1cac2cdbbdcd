#include "spearstorm/backend/thrust/move_parts.hpp"

#include <cstring>
#include <numeric>
#include <vector>

#include "catch.hpp"

namespace ss = spearstorm;

TEST_CASE("backend/thrust/move_parts: three bytes down by one, part by part") {
  std::byte bytes[4] = {std::byte{9}, std::byte{1}, std::byte{2}, std::byte{3}};
  std::vector<std::size_t> starts;
  ss::backend::move_in_parts(bytes, bytes + 1, 3, [&](std::byte* to, std::byte const* from, std::size_t n) {
    starts.push_back(static_cast<std::size_t>(from - bytes));
    std::memcpy(to, from, n);
  });
  CHECK(starts == std::vector<std::size_t>{1, 2, 3});
  CHECK(bytes[0] == std::byte{1});
  CHECK(bytes[1] == std::byte{2});
  CHECK(bytes[2] == std::byte{3});
}

TEST_CASE("backend/thrust/move_parts: equal to memmove at every distance, no part overlaps itself") {
  for (std::size_t to = 0; to <= 20; ++to)
    for (std::size_t from = 0; from <= 20; ++from)
      for (std::size_t n : {0, 1, 2, 5, 12}) {
        std::vector<unsigned char> values(40);
        std::iota(values.begin(), values.end(), static_cast<unsigned char>(1));
        auto want = values;
        std::memmove(want.data() + to, want.data() + from, n);
        bool overlap = false;
        auto* const data = reinterpret_cast<std::byte*>(values.data());
        ss::backend::move_in_parts(data + to, data + from, n, [&](std::byte* t, std::byte const* f, std::size_t part) {
          overlap = overlap || (t < f + part && f < t + part);
          std::memmove(t, f, part);
        });
        REQUIRE(values == want);
        REQUIRE_FALSE(overlap);
      }
}
