#include "spearstorm/token/row_exp.hpp"

#include <limits>
#include <vector>

#include "catch.hpp"

namespace token = spearstorm::token;

TEST_CASE("token/row_exp: exp of what is not above 0 is std::exp; far below, nothing that a float can hold") {
  CHECK(token::detail::exp_below_0(0) == 1.0);
  for (double x = -1e-12; x > -700; x = x * 1.03 - 1e-4) CHECK(std::fabs(token::detail::exp_below_0(x) / std::exp(x) - 1) < 2e-14);
  CHECK(static_cast<float>(token::detail::exp_below_0(-1e30)) == 0.0f);
  CHECK(static_cast<float>(token::detail::exp_below_0(-std::numeric_limits<double>::infinity())) == 0.0f);
}

TEST_CASE("token/row_exp: a row's sum, whatever its length") {
  for (std::size_t size : {1u, 31u, 32u, 70u}) {
    std::vector<float> row;
    double expected = 0;
    for (std::size_t v = 0; v < size; ++v)
      row.push_back(static_cast<float>(v % 7) * -0.3f), expected += std::exp(static_cast<double>(row[v]) - 2);
    CHECK(token::detail::sum_of_exp(row, 2) == Approx(expected).epsilon(1e-13));
  }
}
