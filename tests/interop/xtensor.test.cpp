#if defined(SPEARSTORM_HAVE_XTENSOR)
#include "spearstorm/interop/xtensor.hpp"

#include "catch.hpp"
#include "spearstorm/backend/scalar.hpp"

namespace ss = spearstorm;
using namespace ss::axes;
using exec = ss::cpu::scalar<ss::f32>;
using matrix = ss::array<float, rows<>, dim<>>;

TEST_CASE("interop/xtensor: a view of an array is the array") {
  matrix x({2, 3}, {1, 2, 3, 4, 5, 6});
  auto view = ss::interop::xtensor_view(x);
  CHECK(view.data() == x.data());
  CHECK(view(1, 2) == 6);
  view(1, 2) = 60;
  CHECK(x(1, 2) == 60);
  matrix const fixed({1, 2}, {1, 2});
  CHECK(ss::interop::xtensor_view(fixed)(0, 1) == 2);
}

TEST_CASE("interop/xtensor: a view of a tensor copies nothing and is refused when stale") {
  ss::workspace<exec> work;
  ss::tensor<float, rows<>, dim<>> kept;
  {
    ss::inference<exec> ctx{work};
    kept = ctx.upload(matrix({2, 2}, {1, 2, 3, 4}));
    auto const view = ss::interop::xtensor_view(ctx, kept);
    CHECK(view.data() == kept.data());
    CHECK(view(1, 0) == 3);
  }
  ss::inference<exec> ctx{work};
  CHECK_THROWS_AS(ss::interop::xtensor_view(ctx, kept), ss::stale_tensor);
}

TEST_CASE("interop/xtensor: containers and expressions become arrays and tensors") {
  xt::xarray<float> const m{{1, 2, 3}, {4, 5, 6}};
  CHECK(ss::interop::to_array<rows<>, dim<>>(m + 1.0f) == matrix({2, 3}, {2, 3, 4, 5, 6, 7}));
  xt::xarray<float, xt::layout_type::column_major> const by_columns = m;
  CHECK(ss::interop::to_array<rows<>, dim<>>(by_columns) == matrix({2, 3}, {1, 2, 3, 4, 5, 6}));
  CHECK(ss::interop::to_array<rows<>, dim<>>(m > 2.0f) == ss::array<ss::flag, rows<>, dim<>>({2, 3}, {0, 0, 1, 1, 1, 1}));
  CHECK_THROWS_AS(ss::interop::to_array<dim<>>(m), ss::shape_error);
  ss::workspace<exec> work;
  ss::inference<exec> ctx{work};
  CHECK(ctx.download(ss::interop::upload<rows<>, dim<>>(ctx, m * 2.0f)) == matrix({2, 3}, {2, 4, 6, 8, 10, 12}));
}
#endif
