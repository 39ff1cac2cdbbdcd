#include "spearstorm/token/repetition.hpp"

#include <vector>

#include "catch.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;

TEST_CASE("token/repetition: of ten codes before one may be the same, two are too many, by hand") {
  token::repetition_options const valle{.window = 10, .threshold = 0.1};
  std::vector<std::int32_t> before{9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1};  // the two nines lie outside the window
  CHECK_FALSE(token::repeats(before, 9, valle));
  CHECK_FALSE(token::repeats(before, 3, valle));
  CHECK(token::repeats(before, 1, valle));
  CHECK_FALSE(token::repeats(std::vector<std::int32_t>{}, 1, valle));
  CHECK_FALSE(token::repeats(std::vector<std::int32_t>{1}, 1, valle));  // one of ten, although the row has only begun
  CHECK(token::repeats(std::vector<std::int32_t>{1, 1}, 1, valle));
}

TEST_CASE("token/repetition: other windows and thresholds") {
  std::vector<std::int32_t> const before{1, 1, 2, 2};
  CHECK(token::repeats(before, 2, {.window = 2, .threshold = 0.5}));
  CHECK_FALSE(token::repeats(before, 1, {.window = 2, .threshold = 0}));
  CHECK_FALSE(token::repeats(before, 2, {.window = 4, .threshold = 0.5}));
  CHECK(token::repeats(before, 2, {.window = 4, .threshold = 0.4}));
  CHECK_THROWS_WITH(token::check_repetition("f", {.window = -1}), "f: repetition.window = -1, expected 0 to 1048576");
  CHECK_THROWS_WITH(token::check_repetition("f", {.threshold = 2}), "f: repetition.threshold = 2, expected 0 to 1");
}
