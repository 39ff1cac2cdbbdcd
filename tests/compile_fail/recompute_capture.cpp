// expect-error: spearstorm: recompute: the block must capture by reference or pointer only
#include <vector>

#include "spearstorm/backend/scalar.hpp"
#include "spearstorm/tape/recompute.hpp"

namespace ss = spearstorm;
using exec = ss::cpu::scalar<>;

auto wrong(ss::recording<exec>& ctx, ss::tensor<float, ss::axes::dim<>> const& x) {
  std::vector<double> scales{2.0};
  return ss::recompute(ctx, [scales](auto&, auto const& a) { return a * scales[0]; }, x);
}
