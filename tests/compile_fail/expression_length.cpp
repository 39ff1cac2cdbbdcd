// expect-error: spearstorm: eval: more than 16 operations in one expression; store a part of it with ctx.eval
#include "spearstorm/backend/scalar.hpp"
#include "spearstorm/tape/context.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

auto wrong(ss::inference<ss::cpu::scalar<>>& ctx, ss::tensor<float, dim<>> const& x) {
  auto const four = x + x + x + x + x;
  return ctx.eval(four * four * four * four);
}
