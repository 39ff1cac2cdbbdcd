// expect-error: tensor_ending_in
#include "spearstorm/backend/scalar.hpp"
#include "spearstorm/nn/linear.hpp"

namespace ss = spearstorm;
using namespace ss::axes;
using exec = ss::cpu::scalar<>;

void wrong(ss::inference<exec>& ctx, ss::nn::linear<512, 64, exec> const& layer, ss::tensor<float, batch<>, dim<384>> const& x) {
  layer(ctx, x);
}
