#include "spearstorm/io/plot_spectrograms.hpp"

#include "scratch.hpp"

namespace ss = spearstorm;
using namespace ss::io;
using namespace ss::axes;
using namespace test_io;
using ss::index;

namespace {
using matrix = ss::array<float, frames<>, bins<>>;
}  // namespace

TEST_CASE("io/plot_spectrograms: time to the right, low frequencies at the bottom, one scale") {
  matrix const corner({2, 2}, {0, -80, -80, -80});  // loud: first frame, lowest bin
  matrix const quiet({2, 2}, {-40, -40, -40, -1000});
  image const picture = plot_spectrograms({{"", corner}, {"", quiet}}, {.width = 560, .height = 300});
  index const top = 40, bottom = 300 - 60;  // inside the panels
  CHECK(picture.at(24, bottom) == heat(1));
  CHECK(picture.at(24, top) == heat(0));
  CHECK(picture.at(200, bottom) == heat(0));
  CHECK(picture.at(270, bottom) == heat(127 / 255.0));  // half-way down from the first panel's maximum
  CHECK(picture.at(430, top) == heat(0));
}

TEST_CASE("io/plot_spectrograms: widths follow lengths; many cells share a pixel by their mean") {
  matrix stripes({400, 2});
  for (index f = 0; f < 400; ++f) stripes(f, 0) = f % 2 == 0 ? 0.0f : -80.0f;
  for (index f = 0; f < 400; ++f) stripes(f, 1) = -80;
  image const picture = plot_spectrograms({{"", stripes}, {"", matrix({100, 2}, -80.0f)}}, {.width = 20 + 100 + 28 + 250, .height = 200});
  CHECK(picture.at(219, 130) == heat(127 / 255.0));  // 400 frames in 200 pixels
  CHECK((picture.at(221, 130) == colour{255, 255, 255}));
  CHECK(picture.at(249, 130) == heat(0));
}

TEST_CASE("io/plot_spectrograms: silence and odd values are drawn, wrong input is named") {
  CHECK_NOTHROW(plot_spectrograms({{"silence", matrix({3, 4}, -HUGE_VALF)}, {"no number", matrix({1, 4}, NAN)}},
                                  {.title = "t", .frame_seconds = 0.02, .bin_hz = {0, 4000, 8000, 12000}}));
  CHECK_THAT(what_of<ss::shape_error>([] { plot_spectrograms({{"a", matrix({3, 4})}, {"b", matrix({3, 5})}}); }),
             contains("panel 'b' has bins = 5"));
  CHECK_THAT(what_of<ss::shape_error>([] { plot_spectrograms({{"a", matrix({3, 4})}}, {.bin_hz = {1, 2}}); }),
             contains("bin_hz has bins = 2"));
  CHECK_THAT(what_of<ss::value_error>([] { plot_spectrograms({{"a", matrix({0, 4})}}); }), contains("panel 'a' is empty"));
  CHECK_THROWS_AS(plot_spectrograms({}), ss::value_error);
  CHECK_THROWS_AS(plot_spectrograms({{"a", matrix({3, 4})}}, {.width = 150}), ss::value_error);
}
