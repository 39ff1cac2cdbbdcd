// expect-error: spearstorm: expand: the operand has this axis already
#include "spearstorm/backend/scalar.hpp"
#include "spearstorm/tape/context.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

auto wrong(ss::tensor<float, batch<>, dim<>> const& x) { return ss::expand<dim>(x, 3); }
