#include "spearstorm/io/font.hpp"

#include <set>

#include "catch.hpp"

using namespace spearstorm::io;

TEST_CASE("io/font: every character has a shape of its own inside five columns") {
  std::set<font::glyph> shapes;
  for (int c = ' '; c <= '~'; ++c) {
    CAPTURE(c);
    for (auto row : font::of(static_cast<char>(c))) CHECK(row < 32);
    CHECK(shapes.insert(font::of(static_cast<char>(c))).second);
  }
  CHECK((font::of('L') == font::glyph{16, 16, 16, 16, 16, 16, 31}));
  CHECK(font::of('\x80') == font::of('?'));
  CHECK(font::length("aé—") == 3);
}
