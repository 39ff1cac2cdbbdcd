#include "spearstorm/token/sequences.hpp"

#include "catch.hpp"
#include "spearstorm/core/random.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using ss::index;
using token::id_array;
using token::sequence;

namespace {
/// Up to 5 rows of up to 12 ids below 4, so that repeats and empty rows occur.
std::vector<sequence> draw_rows(std::uint32_t trial) {
  ss::random_stream const stream{.seed = 3, .step = trial, .stream = ss::stream_id("rows")};
  std::vector<sequence> rows(stream.below(6, 0, 0));
  for (std::uint32_t b = 0; b < rows.size(); ++b)
    for (std::uint32_t t = 0; t < stream.below(13, 1, b); ++t) rows[b].push_back(static_cast<std::int32_t>(stream.below(4, 2 + b, t)));
  return rows;
}
}  // namespace

TEST_CASE("token/sequences: rows to an array and back, by hand") {
  std::vector<sequence> const rows{{5, 0}, {}, {0, 6, 6}};
  id_array const ids = token::pad_rows(rows);
  CHECK(ids == id_array({3, 3}, {5, 0, -1, -1, -1, -1, 0, 6, 6}));
  CHECK(token::row_lengths(ids) == std::vector<index>{2, 0, 3});
  CHECK(token::valid_ids(ids) == token::flag_array({3, 3}, {1, 1, 0, 0, 0, 0, 1, 1, 1}));
  CHECK(token::row_of(ids, 0) == rows[0]);
  CHECK(token::rows_of(ids) == rows);
  CHECK(token::pad_rows({}) == id_array({0, 0}));
  CHECK_THROWS_WITH(token::pad_rows(std::vector<sequence>{{1}, {2, -1}}), "pad_rows: id 1 of row 1 is -1, expected 0 or more");
  CHECK_THROWS_WITH(token::row_of(ids, 3), "row_of: row = 3, expected 0 to 2");
  CHECK_THROWS_WITH(token::row_lengths(id_array({1, 3}, {4, -1, 9})),
                    "row_lengths: frame 2 of row 0 holds 9, expected padding from frame 1 on");
}

TEST_CASE("token/sequences: eos behind the last id, id 0 being an ordinary one (fault 34)") {
  id_array const ids({3, 3}, {5, 0, -1, -1, -1, -1, 0, 6, 0});
  CHECK(token::with_eos(ids, 9) == id_array({3, 4}, {5, 0, 9, -1, 9, -1, -1, -1, 0, 6, 0, 9}));
  CHECK(token::until_eos(token::with_eos(ids, 9), 9) == token::with_eos(ids, 9));
  CHECK(token::until_eos(id_array({2, 4}, {1, 9, 3, 9, 4, 4, 4, 4}), 9) == id_array({2, 4}, {1, 9, -1, -1, 4, 4, 4, 4}));
  CHECK_THROWS_WITH(token::with_eos(ids, -1), "with_eos: eos = -1, expected 0 or more");
  CHECK_THROWS_WITH(token::with_eos(id_array({1, 2}, {-1, 0}), 9), "with_eos: frame 1 of row 0 holds 0, expected padding from frame 0 on");
}

TEST_CASE("token/sequences: the package's padding is read from the end only") {
  CHECK(token::from_padded(id_array({3, 4}, {0, 7, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0}), 0) ==
        id_array({3, 4}, {0, 7, 0, 8, 7, -1, -1, -1, -1, -1, -1, -1}));
  id_array const ours({1, 3}, {7, 0, -1});
  CHECK(token::from_padded(ours, 0) == ours);
  CHECK(token::from_padded(ours, -1) == ours);
}

TEST_CASE("token/sequences: repeats removed and put back, by hand") {
  token::run_lengths const runs = token::unique_consecutive(sequence{7, 7, 7, 2, 7});
  CHECK(runs == token::run_lengths{{7, 2, 7}, {3, 1, 1}});
  CHECK(token::repeated(runs) == sequence{7, 7, 7, 2, 7});
  CHECK(token::unique_consecutive({}) == token::run_lengths{});
  CHECK(token::batch_unique_consecutive(id_array({3, 4}, {3, 3, 1, 1, 0, -1, -1, -1, 2, 2, 2, 2})) ==
        id_array({3, 2}, {3, 1, 0, -1, 2, -1}));
  CHECK_THROWS_WITH(token::repeated({{1, 2}, {1}}), "repeated: lengths has runs = 1, ids expects runs = 2");
  CHECK_THROWS_WITH(token::repeated({{1}, {0}}), "repeated: length = 0, expected 1 to 2147483647");
}

TEST_CASE("token/sequences: what each function promises, over thousands of sets of rows") {
  for (std::uint32_t trial = 0; trial < 2000; ++trial) {
    std::vector<sequence> const rows = draw_rows(trial);
    id_array const ids = token::pad_rows(rows), closed = token::with_eos(ids, 2), fewer = token::batch_unique_consecutive(ids);
    REQUIRE(token::rows_of(ids) == rows);
    id_array const cut = token::until_eos(closed, 2);
    for (std::size_t b = 0; b < rows.size(); ++b) {
      auto const row = static_cast<index>(b);
      sequence expected = rows[b];
      expected.push_back(2);
      REQUIRE(token::row_of(closed, row) == expected);
      expected.erase(std::ranges::find(expected, 2) + 1, expected.end());
      REQUIRE(token::row_of(cut, row) == expected);
      token::run_lengths const runs = token::unique_consecutive(rows[b]);
      REQUIRE(std::ranges::adjacent_find(runs.ids) == runs.ids.end());
      REQUIRE(token::repeated(runs) == rows[b]);
      REQUIRE(token::row_of(fewer, row) == runs.ids);
    }
  }
}
