#include "spearstorm/expr/loop.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
using namespace ss::axes;
using result = ss::axis_list<batch<>, frames<>, dim<>>;

TEST_CASE("expr/loop: where a leaf starts for each row of the result") {
  auto steps = ss::expr::loop_over<result, 3>({2, 3, 5});
  ss::expr::enter_leaf<result, result>(steps, 0, {2, 3, 5});
  CHECK(steps.flat);
  CHECK(steps.offset(0, 20) == 20);
  ss::expr::enter_leaf<ss::axis_list<batch<>, dim<>>, result>(steps, 1, {2, 5});
  ss::expr::enter_leaf<ss::axis_list<frames<>>, result>(steps, 2, {3});
  CHECK_FALSE(steps.flat);
  CHECK(steps.size == 30);
  CHECK(steps.cols == 5);
  // position 20 is batch 1, frame 1, dim 0; position 22 lies two further in the same row
  CHECK(steps.offset(0, 20) == 20);
  CHECK(steps.offset(1, 20) == 5);
  CHECK(steps.offset(1, 22) == 7);
  CHECK(steps.offset(2, 20) == 1);
  CHECK(steps.offset(2, 22) == 1);  // does not vary within a row
  CHECK(steps.along[1]);
  CHECK_FALSE(steps.along[2]);
}

TEST_CASE("expr/loop: leaves are alike where they step alike") {
  auto steps = ss::expr::loop_over<result, 3>({2, 3, 5});
  ss::expr::enter_leaf<ss::axis_list<dim<>>, result>(steps, 0, {5});
  ss::expr::enter_leaf<ss::axis_list<dim<>>, result>(steps, 1, {5});
  ss::expr::enter_leaf<ss::axis_list<batch<>>, result>(steps, 2, {2});
  CHECK(steps.alike(0, 1));
  CHECK_FALSE(steps.alike(0, 2));
}
