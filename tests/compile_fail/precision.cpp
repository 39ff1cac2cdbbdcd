// expect-error: spearstorm: workspace: a policy computes with floating-point types, as the precisions f32 and f64 do
#include "spearstorm/backend/scalar.hpp"
#include "spearstorm/tape/context.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

struct whole {
  using value_type = int;
  using param_type = int;
  using accum_type = int;
};

ss::workspace<ss::cpu::scalar<whole>> wrong;
