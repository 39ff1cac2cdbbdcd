#include "spearstorm/token/deletion.hpp"

#include <map>

#include "catch.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using ss::index;
using token::flag_array;
using token::id_array;
using token::sequence;

TEST_CASE("token/deletion: delete and mask, by hand") {
  id_array const ids({3, 4}, {5, 0, 6, 7, 8, 9, -1, -1, 3, -1, -1, -1});
  flag_array const deleted({3, 4}, {1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0});
  token::pair_batch const task = token::delete_marked(ids, deleted);
  CHECK(task.source == id_array({3, 2}, {0, 7, 8, -1, 3, -1}));
  CHECK(task.target == id_array({3, 2}, {5, 6, 9, -1, -1, -1}));
  CHECK(token::delete_marked(ids, deleted, true) == token::pair_batch{task.source, ids});
  CHECK(token::mask_marked(ids, deleted, 2) == id_array({3, 4}, {2, 0, 2, 7, 8, 2, -1, -1, 3, -1, -1, -1}));
}

TEST_CASE("token/deletion: floor of the share, at least one, never all (fault 28)") {
  ss::random_stream const stream{.seed = 1};
  struct line {
    index length;
    double prob;
    index expected;
  };
  for (auto const& l : {line{5, 0.5, 2}, line{7, 0.6, 4}, line{10, 0.6, 6}, line{3, 0.1, 1}, line{3, 0, 1}, line{3, 1, 2}, line{2, 0.6, 1},
                        line{1, 1, 0}, line{0, 0.6, 0}}) {
    // beside a row of 12: the padding must not count
    std::vector<sequence> const rows{sequence(static_cast<std::size_t>(l.length), 4), sequence(12, 4)};
    flag_array const deleted = token::draw_deletion(token::pad_rows(rows), {.deletion_prob = l.prob}, stream, 0);
    CHECK(std::count(deleted.begin(), deleted.begin() + 12, 1) == l.expected);
  }
}

TEST_CASE("token/deletion: wrong arguments are named") {
  id_array const ids({1, 3}, {4, 4, -1});
  CHECK_THROWS_WITH(token::draw_deletion(ids, {.deletion_prob = 1.5}, {}, 0), "draw_deletion: deletion_prob = 1.5, expected 0 to 1");
  CHECK_THROWS_AS(token::draw_deletion(id_array({1, 3}, {4, -1, 4}), {}, {}, 0), ss::value_error);
  CHECK_THROWS_WITH(token::delete_marked(ids, flag_array({1, 2})), "delete_marked: deleted has frames = 2, ids expects frames = 3");
  CHECK_THROWS_WITH(token::delete_marked(ids, flag_array({1, 3}, ss::flag{1})),
                    "delete_marked: frame 2 of row 0 is flagged, expected none of the padding");
  CHECK_THROWS_WITH(token::mask_marked(ids, flag_array({1, 3}), -1), "mask_marked: mask_id = -1, expected 0 or more");
}

TEST_CASE("token/deletion: source and target make up the row, whatever its neighbours, over thousands of shapes") {
  ss::random_stream const shapes{.seed = 1, .step = 0, .stream = ss::stream_id("shapes")};
  for (std::uint32_t trial = 0; trial < 3000; ++trial) {
    std::vector<sequence> rows(1 + shapes.below(4, trial, 0));
    std::uint32_t at = 1;
    for (sequence& row : rows) {
      row.resize(shapes.below(30, trial, at++));
      for (auto& id : row) id = static_cast<std::int32_t>(shapes.below(9, trial, at++));
    }
    id_array const ids = token::pad_rows(rows);
    double const prob = shapes.uniform(trial, at++);
    auto const rule = shapes.below(2, trial, at++) ? token::count_rule::bernoulli : token::count_rule::exact;
    ss::random_stream const stream{.seed = 7, .step = trial, .stream = 3};
    flag_array const deleted = token::draw_deletion(ids, {.deletion_prob = prob, .rule = rule}, stream, 50);
    auto const [source, target] = token::delete_marked(ids, deleted);
    id_array const masked = token::mask_marked(ids, deleted, 99);
    for (std::size_t b = 0; b < rows.size(); ++b) {
      auto const row = static_cast<index>(b), length = static_cast<index>(rows[b].size());
      sequence const stays = token::row_of(source, row), goes = token::row_of(target, row), shown = token::row_of(masked, row);
      auto const gone = static_cast<index>(goes.size());
      if (rule == token::count_rule::exact)
        REQUIRE(gone == (length < 2 ? 0 : std::clamp<index>(token::exact_count(length, static_cast<float>(prob)), 1, length - 1)));
      REQUIRE((gone >= 1 && gone <= length - 1) == (length > 1));
      REQUIRE(static_cast<index>(stays.size()) == length - gone);
      sequence merged;  // what stays or goes, put back in the order that the masks tell
      std::size_t s = 0, g = 0;
      for (std::int32_t id : shown) merged.push_back(id == 99 ? goes.at(g++) : stays.at(s++));
      REQUIRE(merged == rows[b]);
      // the example alone is drawn the same, also with less padding behind it
      flag_array const alone =
          token::draw_deletion(token::pad_rows(std::span(rows).subspan(b, 1)), {.deletion_prob = prob, .rule = rule}, stream, 50 + row);
      REQUIRE(std::equal(alone.begin(), alone.end(), deleted.begin() + row * ids.extent(1)));
    }
  }
}

TEST_CASE("token/deletion: each of the 20 choices of 3 out of 6 is equally likely, padding or not") {
  constexpr index draws = 20000;
  id_array ids({draws, 9}, -1);
  for (index b = 0; b < draws; ++b) std::fill_n(ids.data() + b * 9, 6, 1);
  flag_array const deleted = token::draw_deletion(ids, {.deletion_prob = 0.5}, {.seed = 4, .stream = 9}, 0);
  std::map<int, double> seen;
  for (index b = 0; b < draws; ++b) {
    int which = 0;
    for (index t = 0; t < 9; ++t) which |= deleted(b, t) << t;
    seen[which] += 1;
  }
  REQUIRE(seen.size() == 20);
  double chi = 0;
  for (auto const& [which, count] : seen) chi += (count - draws / 20.0) * (count - draws / 20.0) / (draws / 20.0);
  CHECK(chi < 43.8);  // 19 degrees of freedom: passed by chance in 999 of 1000 draws
}
