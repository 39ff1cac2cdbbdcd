#include "spearstorm/token/annealing.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using ss::index;

TEST_CASE("token/annealing: linear to 0 is soundstorm-pytorch's, by hand") {
  token::annealing const package{};
  for (index step = 0; step < 4; ++step) CHECK(package.at(step, 4) == static_cast<float>(3 - step) / 4);
  CHECK(token::annealing{.from = 1.5f, .to = 0.5f}.at(1, 4) == 1.0f);
  CHECK(token::annealing{.from = 2}.at(0, 1) == 0.0f);
  CHECK(token::annealing{.from = 1, .to = 1}.at(2, 7) == 1.0f);
  CHECK(token::passes_left(1, 4) == 0.5f);
}

TEST_CASE("token/annealing: any course, as long as it is a share") {
  token::annealing const kept{.from = 3, .to = 0, .by = [](float) { return 1.0f; }};
  CHECK(kept.at(5, 6) == 3.0f);
  token::annealing const wrong{.from = 3, .to = 0, .by = [](float) { return 2.0f; }};
  CHECK_THROWS_WITH(wrong.at(0, 2), "schedule: share at t = 0.5 is 2, expected 0 to 1");
}
