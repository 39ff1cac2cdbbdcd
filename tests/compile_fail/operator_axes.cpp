// expect-error: spearstorm: one operand's axes must be an ordered subset of the other's; use expand<axis>(x)
#include "spearstorm/backend/scalar.hpp"
#include "spearstorm/tape/context.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

auto wrong(ss::tensor<float, batch<>, dim<>> const& x, ss::tensor<float, batch<>, frames<>> const& y) { return x + y; }
