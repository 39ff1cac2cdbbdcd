#include "spearstorm/dsp/window.hpp"

#include "catch.hpp"

using namespace spearstorm;

TEST_CASE("dsp/window: four values by hand") {
  auto const window = dsp::hann_window(4);
  REQUIRE(window.size() == 4);
  CHECK(window[0] == 0.0f);
  CHECK(window[1] == Approx(0.5));
  CHECK(window[2] == 1.0f);
  CHECK(window[3] == Approx(0.5));  // periodic: the closing 0 belongs to the next period
  CHECK_THROWS_AS(dsp::hann_window(0), value_error);
}

TEST_CASE("dsp/window: halves that overlap add up to one") {
  auto const window = dsp::hann_window(320);
  for (std::size_t i = 0; i < 160; ++i) CHECK(window[i] + window[i + 160] == Approx(1.0));
}
