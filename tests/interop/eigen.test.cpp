#if defined(SPEARSTORM_HAVE_EIGEN)
#include "spearstorm/interop/eigen.hpp"

#include "catch.hpp"
#include "spearstorm/backend/scalar.hpp"

namespace ss = spearstorm;
using namespace ss::axes;
using exec = ss::cpu::scalar<ss::f32>;
using matrix = ss::array<float, rows<>, dim<>>;

TEST_CASE("interop/eigen: a view of an array is the array") {
  matrix x({2, 3}, {1, 2, 3, 4, 5, 6});
  auto view = ss::interop::eigen_view(x);
  CHECK(view.data() == x.data());
  CHECK(view.rows() == 2);
  CHECK(view(1, 0) == 4);
  view(1, 0) = 40;
  CHECK(x(1, 0) == 40);
  CHECK((view * view.transpose()).rows() == 2);
  ss::array<float, batch<>, frames<>, dim<>> const three({2, 2, 3}, 1.0f);
  CHECK(ss::interop::eigen_view(three).rows() == 4);
  CHECK(ss::interop::eigen_view(three).data() == three.data());
}

TEST_CASE("interop/eigen: a view of a tensor copies nothing and is refused when stale") {
  ss::workspace<exec> work;
  ss::tensor<float, rows<>, dim<>> kept;
  {
    ss::inference<exec> ctx{work};
    kept = ctx.upload(matrix({2, 2}, {1, 2, 3, 4}));
    auto const view = ss::interop::eigen_view(ctx, kept);
    CHECK(view.data() == kept.data());
    CHECK(view(1, 0) == 3);
    CHECK(view.sum() == 10);
  }
  ss::inference<exec> ctx{work};
  CHECK_THROWS_AS(ss::interop::eigen_view(ctx, kept), ss::stale_tensor);
}

TEST_CASE("interop/eigen: matrices become arrays and tensors, whatever their storage order") {
  Eigen::MatrixXf m(2, 3);  // by columns
  m << 1, 2, 3, 4, 5, 6;
  CHECK(ss::interop::to_array<rows<>, dim<>>(m) == matrix({2, 3}, {1, 2, 3, 4, 5, 6}));
  CHECK(ss::interop::to_array<rows<>, dim<2>>(m.transpose() * 2) == ss::array<float, rows<>, dim<2>>({3, 2}, {2, 8, 4, 10, 6, 12}));
  CHECK(ss::interop::to_array<dim<>>(m.col(1)) == ss::array<float, dim<>>({2}, {2, 5}));
  CHECK_THROWS_AS(ss::interop::to_array<dim<>>(m), ss::shape_error);
  CHECK_THROWS_AS((ss::interop::to_array<rows<>, dim<4>>(m)), ss::shape_error);
  ss::workspace<exec> work;
  ss::inference<exec> ctx{work};
  auto const x = ss::interop::upload<rows<>, dim<>>(ctx, m);
  m.setZero();  // the tensor has its own values
  CHECK(ctx.download(x) == matrix({2, 3}, {1, 2, 3, 4, 5, 6}));
}
#endif
