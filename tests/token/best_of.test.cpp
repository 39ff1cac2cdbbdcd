#include "spearstorm/token/best_of.hpp"

#include <numeric>

#include "catch.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using ss::index;

TEST_CASE("token/best_of: each row keeps its own best attempt, of equal ones the first, by hand") {
  token::code_array const attempts[] = {token::code_array({2, 2, 1}, {1, 2, 8, 1}), token::code_array({2, 2, 1}, {3, 4, 0, 0}),
                                        token::code_array({2, 2, 1}, {4, 3, 1, 1})};
  auto const sum = [](token::code_array const& row, index) { return std::accumulate(row.begin(), row.end(), 0); };
  auto const best = token::best_of(3, [&](index k) { return attempts[k]; }, sum);
  CHECK(best.codes == token::code_array({2, 2, 1}, {3, 4, 8, 1}));
  CHECK(best.attempts == std::vector<index>{1, 0});
  CHECK(best.scores == std::vector<double>{7, 9});
}

TEST_CASE("token/best_of: the scorer sees one row and its number") {
  std::vector<index> seen;
  token::best_of(
      2, [](index) { return token::code_array({3, 4, 2}, 1); },
      [&](token::code_array const& row, index b) {
        CHECK(row.extents() == ss::sizes<3>{1, 4, 2});
        seen.push_back(b);
        return -1.0;
      });
  CHECK(seen == std::vector<index>{0, 1, 2, 0, 1, 2});
}

TEST_CASE("token/best_of: what it refuses") {
  auto const one = [](index k) { return token::code_array({1, 1 + k, 1}); };
  auto const zero = [](token::code_array const&, index) { return 0.0; };
  CHECK_THROWS_WITH(token::best_of(2, one, zero), "best_of: an attempt has frames = 2, the first one expects frames = 1");
  CHECK_THROWS_WITH(token::best_of(1, one, [](auto const&, index) { return std::nan(""); }),
                    "best_of: score of row 0 in attempt 0 is nan, expected a number");
  CHECK_THROWS_WITH(token::best_of(0, one, zero), "best_of: n = 0, expected 1 to 1048576");
}
