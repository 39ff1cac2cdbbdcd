#include "spearstorm/core/tensor.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

static int const values[24] = {};

TEST_CASE("core/tensor: sizes of a handle") {
  ss::tensor<int, batch<>, frames<3>, dim<>> const x(values, {2, 3, 4}, 7, 9);
  CHECK(x.size() == 24);
  CHECK(x.rows() == 6);
  CHECK(x.cols() == 4);
  CHECK(x.extent(1) == 3);
  CHECK(ss::extent_of<frames>(x) == 3);
  CHECK(ss::extent_of<dim>(x) == 4);
  CHECK(x.serial() == 7);
  CHECK(x.node() == 9);
  ss::tensor<int> const number(values, {}, 1);
  CHECK(number.size() == 1);
  CHECK(number.rows() == 1);
  CHECK(number.cols() == 1);
  ss::tensor<int, batch<>, dim<>> const empty(values, {3, 0}, 1);
  CHECK(empty.size() == 0);
  CHECK(empty.rows() == 0);
}

TEST_CASE("core/tensor: a view shares storage, serial and node") {
  ss::tensor<int, batch<>, frames<>, dim<>> const x(values, {2, 3, 4}, 7, 9);
  auto const flat = ss::view<rows<>, dim<4>>(x, {6, 4});                           // (rows, dim)
  STATIC_REQUIRE(std::is_same_v<decltype(flat), ss::tensor<int, rows<>, dim<4>> const>);
  CHECK(flat.data() == values);
  CHECK(flat.rows() == 6);
  CHECK(flat.serial() == 7);
  CHECK(flat.node() == 9);
  CHECK(ss::view<heads<>, frames<3>, vocab<>>(x).extent(2) == 4);                  // (heads, frames, vocab)
}

TEST_CASE("core/tensor: a view that cannot be is named") {
  ss::tensor<int, batch<>, dim<>> const x(values, {2, 3}, 1);
  CHECK_THROWS_AS((ss::view<rows<>>(x, {5})), ss::shape_error);
  CHECK_THROWS_WITH((ss::view<rows<>>(x, {5})), "view: (batch = 2, dim = 3) cannot be seen as (rows = 5)");
  CHECK_THROWS_WITH((ss::view<batch<>, dim<4>>(x)), "view: the result has dim = 3, its type expects dim = 4");
}

TEST_CASE("core/tensor: the concepts read as documentation") {
  using x = ss::tensor<float, batch<>, frames<>, dim<4>>;
  STATIC_REQUIRE(ss::tensor_like<x>);
  STATIC_REQUIRE(ss::tensor_of<x, batch<>, frames<>, dim<>>);
  STATIC_REQUIRE(!ss::tensor_of<x, batch<>, frames<>, dim<5>>);
  STATIC_REQUIRE(!ss::tensor_of<x, frames<>, batch<>, dim<>>);
  STATIC_REQUIRE(ss::tensor_ending_in<x, dim<4>>);
  STATIC_REQUIRE(!ss::tensor_ending_in<x, vocab<>>);
  STATIC_REQUIRE(!ss::tensor_like<int>);
  STATIC_REQUIRE(std::is_trivially_copyable_v<x>);
}
