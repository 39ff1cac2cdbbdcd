#include "spearstorm/io/colours.hpp"

#include <set>

#include "catch.hpp"

using namespace spearstorm::io;

TEST_CASE("io/colours: OKLCH gives known colours") {
  CHECK((oklch(0, 0, 0) == colour{0, 0, 0}));
  CHECK((oklch(1, 0, 0) == colour{255, 255, 255}));
  auto const red = oklch(0.62796, 0.25768, 29.234 / 360);  // sRGB red, from Ottosson's tables
  CHECK((red[0] >= 253 && red[1] <= 12 && red[2] <= 12));
}

TEST_CASE("io/colours: the scale grows lighter with each step") {
  auto const light = [](colour c) {
    return 0.2126 * std::pow(c[0] / 255.0, 2.2) + 0.7152 * std::pow(c[1] / 255.0, 2.2) + 0.0722 * std::pow(c[2] / 255.0, 2.2);
  };
  for (int i = 1; i <= 64; ++i) {
    CAPTURE(i);
    CHECK(light(heat(i / 64.0)) > light(heat((i - 1) / 64.0)));
  }
  CHECK(heat(-1) == heat(0));
  CHECK(heat(2) == heat(1));
  CHECK(heat(NAN) == heat(0));
}

TEST_CASE("io/colours: twelve lines have twelve colours") {
  std::set<colour> different;
  for (std::size_t n = 0; n < 12; ++n) different.insert(line_colour(n));
  CHECK(different.size() == 12);
}
