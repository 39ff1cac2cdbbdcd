// expect-error: spearstorm: the operands have different static sizes on an axis of the same name
#include "spearstorm/backend/scalar.hpp"
#include "spearstorm/tape/context.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

auto wrong(ss::tensor<float, batch<>, dim<384>> const& x, ss::tensor<float, dim<512>> const& y) { return x * y; }
