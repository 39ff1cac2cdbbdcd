#include "spearstorm/io/image.hpp"

#include "catch.hpp"

using namespace spearstorm::io;

TEST_CASE("io/image: rows from the top, three bytes a pixel") {
  image picture(2, 2, {1, 2, 3});
  picture.set(1, 0, {9, 8, 7});
  CHECK(picture.rgb == std::vector<std::uint8_t>{1, 2, 3, 9, 8, 7, 1, 2, 3, 1, 2, 3});
  CHECK((picture.at(1, 0) == colour{9, 8, 7}));
  CHECK_THROWS_AS(image(1, 70000), spearstorm::value_error);
}
