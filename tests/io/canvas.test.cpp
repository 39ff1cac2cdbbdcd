#include "spearstorm/io/canvas.hpp"

#include <string>

#include "catch.hpp"

using namespace spearstorm::io;
using spearstorm::index;

namespace {
/// Dark pixels as `#`, row by row.
std::vector<std::string> seen(image const& picture) {
  std::vector<std::string> rows;
  for (index y = 0; y < picture.height; ++y) {
    rows.emplace_back();
    for (index x = 0; x < picture.width; ++x) rows.back() += picture.at(x, y)[0] < 128 ? '#' : '.';
  }
  return rows;
}
colour const black = {0, 0, 0};
}  // namespace

TEST_CASE("io/canvas: writes letters") {
  canvas onto(12, 9);
  onto.text(0, 0, "Tg", black, 1);
  CHECK(seen(onto.picture()) == std::vector<std::string>{"#####.......", "..#.........", "..#....####.", "..#...#...#.", "..#...#...#.",
                                                         "..#...#...#.", "..#....####.", "..........#.", ".......###.."});
}

TEST_CASE("io/canvas: text is aligned, scaled and counted by characters") {
  CHECK(canvas::text_width("ab", 1) == 11);
  CHECK(canvas::text_width("ab", 3) == 33);
  CHECK(canvas::text_width("é", 1) == 5);
  CHECK(canvas::text_width("", 2) == 0);
  canvas left(20, 14), right(20, 14);
  left.text(8, 0, "I", black, 2);
  right.text(18, 0, "I", black, 2, align::right);
  CHECK(left.picture() == right.picture());
  canvas centre(20, 14);
  centre.text(13, 0, "I", black, 2, align::centre);
  CHECK(left.picture() == centre.picture());
}

TEST_CASE("io/canvas: lines have smooth edges and their width") {
  canvas onto(9, 5);
  onto.line({-5, 2}, {20, 2}, 2, black);
  for (index x = 0; x < 9; ++x) {  // two rows' worth of ink: one whole, two halves
    CHECK(int{onto.picture().at(x, 2)[0]} == 0);
    CHECK(std::abs(onto.picture().at(x, 1)[0] - 128) <= 1);
    CHECK(std::abs(onto.picture().at(x, 3)[0] - 128) <= 1);
    CHECK(int{onto.picture().at(x, 0)[0]} == 255);
  }
  canvas slope(5, 5);
  slope.line({0, 4}, {4, 0}, 1, black);
  CHECK(seen(slope.picture()) == std::vector<std::string>{"....#", "...#.", "..#..", ".#...", "#...."});
}

TEST_CASE("io/canvas: nothing is drawn outside the picture or the clip") {
  canvas onto(4, 3);
  onto.clip({1, -5, 3, 100});
  onto.fill({-10, -10, 10, 2}, black);
  onto.line({-1e9, 2}, {1e9, 2}, 1, black);
  CHECK(seen(onto.picture()) == std::vector<std::string>{".##.", ".##.", ".##."});
  onto.unclip();
  onto.frame({0, 0, 4, 3}, black);
  onto.text(-3, -3, "W\xff", black, 5);
  CHECK(seen(onto.picture())[2] == "####");
}
