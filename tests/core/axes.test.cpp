#include "spearstorm/core/axes.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

namespace mine {
SPEARSTORM_AXIS(speakers);
}

TEST_CASE("core/axes: a name and a size, static or dynamic") {
  CHECK(dim<512>::name == "dim");
  CHECK(dim<512>::extent == 512);
  CHECK(frames<>::extent == ss::dynamic);
  CHECK(mine::speakers<4>::name == "speakers");
  STATIC_REQUIRE(ss::axis_type<mine::speakers<>>);
  STATIC_REQUIRE(!ss::axis_type<int>);
}

TEST_CASE("core/axes: which axes fit") {
  STATIC_REQUIRE(ss::axis_fits<dim<4>, dim<4>>);
  STATIC_REQUIRE(ss::axis_fits<dim<4>, dim<>>);
  STATIC_REQUIRE(ss::axis_fits<dim<>, dim<4>>);
  STATIC_REQUIRE(!ss::axis_fits<dim<4>, dim<5>>);
  STATIC_REQUIRE(!ss::axis_fits<dim<4>, frames<4>>);
  STATIC_REQUIRE(ss::same_axis<dim<4>, dim<5>>);
  STATIC_REQUIRE(ss::axes_fit<ss::axis_list<batch<>, dim<4>>, ss::axis_list<batch<2>, dim<>>>);
  STATIC_REQUIRE(!ss::axes_fit<ss::axis_list<batch<>, dim<4>>, ss::axis_list<dim<>, batch<>>>);
  STATIC_REQUIRE(!ss::axes_fit<ss::axis_list<batch<>>, ss::axis_list<batch<>, dim<>>>);
}

TEST_CASE("core/axes: the last axis, and another in its place") {
  using three = ss::axis_list<batch<>, frames<7>, dim<4>>;
  STATIC_REQUIRE(std::is_same_v<ss::last_axis<three>, dim<4>>);
  STATIC_REQUIRE(std::is_same_v<ss::replace_last<three, vocab<9>>, ss::axis_list<batch<>, frames<7>, vocab<9>>>);
  STATIC_REQUIRE(std::is_same_v<ss::replace_last<ss::axis_list<dim<>>, vocab<>>, ss::axis_list<vocab<>>>);
}

TEST_CASE("core/axes: products and words") {
  CHECK(ss::product(ss::sizes<3>{2, 3, 4}) == 24);
  CHECK(ss::product(ss::sizes<0>{}) == 1);
  CHECK(ss::product(ss::sizes<2>{5, 0}) == 0);
  CHECK(ss::to_string(ss::axis_list<batch<>, dim<4>>{}, {2, 4}) == "(batch = 2, dim = 4)");
  CHECK(ss::to_string(ss::axis_list<batch<>>{}, {ss::dynamic}) == "(batch = ?)");
  CHECK(ss::to_string(ss::axis_list<>{}, {}) == "()");
}
