#include "spearstorm/token/durations.hpp"

#include "catch.hpp"
#include "spearstorm/core/random.hpp"

namespace ss = spearstorm;
using ss::token::mean_durations;
using ss::token::sequence;

TEST_CASE("token/durations: means by hand, and an id that never occurs") {
  std::vector<sequence> const rows{{0, 0, 0, 2, 0}, {2, 2, 2}};
  auto const learned = mean_durations::learn(rows, 3);
  CHECK(learned.frames() == std::vector<double>{2, 2, 2});  // 3 1; never: 8 frames in 4 runs; 1 3
  std::vector<sequence> const others{{1, 1, 1, 1, 0}};
  CHECK(mean_durations::learn(others, 2).frames() == std::vector<double>{1, 4});
  CHECK_THROWS_WITH(mean_durations::learn(rows, 2), "mean_durations: id = 2, expected 0 to 1");
  CHECK_THROWS_WITH(mean_durations::learn({}, 2), "mean_durations: no ids in 0 rows, expected 1 or more");
}

TEST_CASE("token/durations: a row is as long as its means together, every id there at least once") {
  mean_durations const d({1.5, 1, 2.25});
  CHECK(d.spoken(sequence{0, 1, 0, 1}) == sequence{0, 0, 1, 0, 1});  // ends at 1.5 2.5 4 5
  CHECK(d.spoken(sequence{2, 0, 2}, 2) == sequence{2, 2, 2, 2, 2, 0, 0, 0, 2, 2, 2, 2});
  CHECK(d.spoken(sequence{1, 0, 1}, 0.1) == sequence{1, 0, 1});
  CHECK(d.spoken(sequence{}).empty());
  CHECK_THROWS_WITH(d.spoken(sequence{3}), "mean_durations: id = 3, expected 0 to 2");
  CHECK_THROWS_WITH(d.spoken(sequence{1}, 0), "mean_durations: stretch = 0, expected more than 0");
  CHECK_THROWS_WITH(mean_durations({0.5}), "mean_durations: id 0 lasts 0.5 frames, expected 1 or more");
}

TEST_CASE("token/durations: learned durations bring back the mean length of the rows they were learned from") {
  ss::random_stream const draws{3, 0, 0};
  std::vector<sequence> rows;
  std::size_t frames = 0;
  for (std::uint32_t r = 0; r < 50; ++r) {
    sequence row;
    for (std::uint32_t i = 0; i < 20; ++i)
      row.insert(row.end(), 1 + draws.below(4, r, 2 * i), static_cast<std::int32_t>(draws.below(6, r, 2 * i + 1)));
    frames += row.size();
    rows.push_back(row);
  }
  auto const learned = mean_durations::learn(rows, 6);
  std::size_t again = 0;
  for (auto const& row : rows) again += learned.spoken(ss::token::unique_consecutive(row).ids).size();
  CHECK(static_cast<double>(again) == Approx(static_cast<double>(frames)).epsilon(0.02));
}
