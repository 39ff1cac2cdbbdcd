#include "spearstorm/codec/nearest.hpp"

#include "catch.hpp"
#include "spearstorm/core/random.hpp"

using namespace spearstorm;

TEST_CASE("codec/nearest: three points on a line by hand") {
  std::vector<float> const codes{0, 10, 4}, rows{1, 8, 3, 100, -5, 2};
  std::vector<std::int32_t> ids(6);
  codec::nearest_code(codes, 1)(rows, ids);
  CHECK(ids == std::vector<std::int32_t>{0, 1, 2, 1, 0, 0});  // 2 lies between 0 and 4: the lower id
}

TEST_CASE("codec/nearest: equals the search by its definition for sizes that fill no block") {
  random_stream const draws{.seed = 3};
  for (std::size_t dim : {1u, 3u, 80u})
    for (std::size_t count : {1u, 7u, 8u, 19u})
      for (std::size_t n : {0u, 1u, 4u, 6u}) {
        std::vector<float> codes(count * dim), rows(n * dim);
        for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = draws.normal(1, static_cast<std::uint32_t>(i));
        for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = draws.normal(2, static_cast<std::uint32_t>(i));
        std::vector<std::int32_t> ids(n);
        codec::nearest_code(codes, static_cast<std::ptrdiff_t>(dim))(rows, ids);
        for (std::size_t i = 0; i < n; ++i) {
          std::size_t best = 0;
          auto distance = [&](std::size_t c) {
            return codec::squared_distance(&rows[i * dim], &codes[c * dim], static_cast<std::ptrdiff_t>(dim));
          };
          for (std::size_t c = 1; c < count; ++c)
            if (distance(c) < distance(best)) best = c;
          CHECK(ids[i] == static_cast<std::int32_t>(best));
        }
      }
}

TEST_CASE("codec/nearest: errors") {
  std::vector<float> const codes(6), rows(5);
  std::vector<std::int32_t> ids(2);
  CHECK_THROWS_AS(codec::nearest_code(codes, 4), shape_error);
  CHECK_THROWS_AS(codec::nearest_code({}, 4), value_error);
  CHECK_THROWS_WITH(codec::nearest_code(codes, 3)(rows, ids), "nearest_code: rows has size = 5, ids expects size = 6");
}
