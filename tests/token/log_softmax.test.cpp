#include "spearstorm/token/log_softmax.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
using row = std::vector<float>;

TEST_CASE("token/log_softmax: by hand, large logits and removed tokens") {
  float const gone = -std::numeric_limits<float>::infinity();
  auto const p = ss::token::log_softmax(row{1000, 1000 + std::log(3.0f), gone});
  CHECK(p[0] == Approx(std::log(0.25)).epsilon(1e-4));
  CHECK(p[1] == Approx(std::log(0.75)).epsilon(1e-4));
  CHECK(p[2] == -std::numeric_limits<double>::infinity());
  CHECK(std::exp(ss::token::log_softmax(row{0, 1, 2})[2]) == Approx(ss::token::softmax(row{0, 1, 2})[2]));
  CHECK_THROWS_AS(ss::token::log_softmax(row{gone}), ss::numeric_error);
}
