#include "spearstorm/token/guidance.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using row = std::vector<float>;

namespace {
row guided(row const& with, row const& without, token::guidance_options const& options) {
  return token::guided(std::span<float const>(with), std::span<float const>(without), options);
}
}  // namespace

TEST_CASE("token/guidance: away from the row without the condition, by hand") {
  CHECK(guided({1, 4, 2}, {0, 2, 3}, {.scale = 1}) == row{1, 4, 2});
  CHECK(guided({1, 4, 2}, {0, 2, 3}, {.scale = 0}) == row{0, 2, 3});
  CHECK(guided({1, 4, 2}, {0, 2, 3}, {.scale = 3}) == row{3, 8, 0});
}

TEST_CASE("token/guidance: the rescale brings the deviation of the row with the condition back, or a share of it") {
  row const with{1, 3}, without{0, 0};  // deviation 1; guided by 4: 4 and 12, deviation 4
  CHECK(guided(with, without, {.scale = 4, .rescale = 1}) == row{1, 3});
  row const half = guided(with, without, {.scale = 4, .rescale = 0.5f});  // factor 0.5 / 4 + 0.5
  CHECK(half[0] == Approx(2.5f));
  CHECK(half[1] == Approx(7.5f));
  CHECK(guided({2, 2}, {1, 1}, {.scale = 3, .rescale = 1}) == row{4, 4});  // no deviation at all
}

TEST_CASE("token/guidance: rows of double, and rows that do not fit") {
  std::vector<double> const with{1, 4}, without{0, 2};
  CHECK(token::guided(std::span<double const>(with), std::span<double const>(without), {.scale = 2}) == row{2, 6});
  CHECK_THROWS_WITH(guided({1, 2, 3}, {1, 2}, {}), "guided: with has vocab = 3, without expects vocab = 2");
}
