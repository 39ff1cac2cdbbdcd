// Matrix products by Eigen alone, the peer of gemm_f32: one part of the longer side of the result for each thread.

#if !defined(EIGEN_DONT_PARALLELIZE)
#define EIGEN_DONT_PARALLELIZE
#endif
#include <Eigen/Core>

#include "compare_case.hpp"
#include "spearstorm/runtime/thread_team.hpp"

namespace compare {
namespace {

using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct product {
  ss::thread_team team;
  matrix left, right, result;
  product(ss::index threads, matrix const& a, matrix const& b, ss::index m, ss::index n) : team(threads), left(a), right(b), result(m, n) {}

  /// parts(first, count) of `length`, in multiples of 16, one for each thread.
  template <class F>
  void split(ss::index length, F const& parts) {
    ss::index const each = ((length + team.size() - 1) / team.size() + 15) / 16 * 16;
    team.run((length + each - 1) / each, [&](ss::index part) { parts(part * each, std::min(each, length - part * each)); });
  }
};

work layer(sizes_of_case const& of, ss::index threads) {
  ss::index const count = of["rows"], in = of["in"], out = of["out"];
  auto const with = std::make_shared<product>(threads, matrix::Random(count, in), matrix::Random(out, in), count, out);
  return [=] {
    auto& [team, x, w, y] = *with;
    if (count >= out)
      with->split(count, [&](ss::index i, ss::index n) { y.middleRows(i, n).noalias() = x.middleRows(i, n) * w.transpose(); });
    else
      with->split(out, [&](ss::index i, ss::index n) { y.middleCols(i, n).noalias() = x * w.middleRows(i, n).transpose(); });
  };
}

work layer_weight(sizes_of_case const& of, ss::index threads) {
  ss::index const count = of["rows"], in = of["in"], out = of["out"];
  auto const with = std::make_shared<product>(threads, matrix::Random(count, out), matrix::Random(count, in), out, in);
  return [=] {
    auto& [team, dy, x, dw] = *with;
    if (out >= in)
      with->split(out, [&](ss::index i, ss::index n) { dw.middleRows(i, n).noalias() = dy.middleCols(i, n).transpose() * x; });
    else
      with->split(in, [&](ss::index i, ss::index n) { dw.middleCols(i, n).noalias() = dy.transpose() * x.middleCols(i, n); });
  };
}

}  // namespace

makers eigen_works() { return {{"gemm", layer}, {"gemm_weight", layer_weight}}; }

}  // namespace compare
