#pragma once
// A weight and a bias as gated_linear takes them.

namespace test {

template <class Weight, class Bias>
struct layer {
  Weight weight;
  Bias bias;
};
template <class Weight, class Bias>
layer(Weight, Bias) -> layer<Weight, Bias>;

}  // namespace test
