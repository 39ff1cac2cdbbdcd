// expect-error: spearstorm: gradients: only a recording context has gradients
#include "spearstorm/backend/scalar.hpp"
#include "spearstorm/tape/context.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

auto wrong(ss::inference<ss::cpu::scalar<>>& ctx, ss::tensor<float> const& loss) { return ctx.gradients(loss); }
