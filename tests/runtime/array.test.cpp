#include "spearstorm/runtime/array.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

TEST_CASE("runtime/array: row-major, by position") {
  ss::array<int, batch<>, dim<3>> x({2, 3}, {1, 2, 3, 4, 5, 6});                   // (batch, dim)
  CHECK(x(0, 0) == 1);
  CHECK(x(1, 0) == 4);
  CHECK(x(1, 2) == 6);
  x(0, 1) = 9;
  CHECK(x.values()[1] == 9);
  CHECK(x.size() == 6);
  CHECK(x.extent(1) == 3);
}

TEST_CASE("runtime/array: copied by value, compared by value") {
  ss::array<int, dim<>> const x({2}, {1, 2});
  auto y = x;
  CHECK(y == x);
  y(0) = 5;
  CHECK(x(0) == 1);
  CHECK_FALSE(y == x);
}

TEST_CASE("runtime/array: a number, nothing, and a fill") {
  CHECK(ss::array<float>({}, 2.5f)() == 2.5f);
  CHECK(ss::array<float>().size() == 1);
  CHECK(ss::array<float, dim<>>().size() == 0);
  CHECK(ss::array<int, batch<>, dim<>>({3, 0}).size() == 0);
  CHECK(ss::array<int, dim<>>({3}, 7) == ss::array<int, dim<>>({3}, {7, 7, 7}));
}

TEST_CASE("runtime/array: what does not fit is named") {
  using square = ss::array<int, batch<>, dim<3>>;
  CHECK_THROWS_WITH(square({2, 4}), "array: dim = 4, its type says 3");
  CHECK_THROWS_WITH(square({-1, 3}), "array: batch = -1, expected 0 or more");
  CHECK_THROWS_WITH(square({2, 3}, {1, 2, 3}), "array: 3 values for (batch = 2, dim = 3), expected 6");
  square const x({2, 3});
  CHECK_THROWS_AS(x(2, 0), ss::shape_error);
  CHECK_THROWS_AS(x(0, 3), ss::shape_error);
  CHECK_THROWS_WITH(x(0, -1), "array: position -1 on axis 1 of (batch = 2, dim = 3)");
}
