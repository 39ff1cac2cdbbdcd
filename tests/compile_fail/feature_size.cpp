// expect-error: constraints not satisfied
#include "spearstorm/backend/scalar.hpp"
#include "spearstorm/tape/context.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

void block(ss::tensor_of<batch<>, dim<512>> auto const&) {}
void wrong(ss::tensor<float, batch<>, dim<384>> const& x) { block(x); }
