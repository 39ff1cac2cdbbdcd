// expect-error: spearstorm: extent_of: the tensor has no such axis
#include "spearstorm/backend/scalar.hpp"
#include "spearstorm/tape/context.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

auto wrong(ss::tensor<float, batch<>, dim<>> const& x) { return ss::extent_of<frames>(x); }
