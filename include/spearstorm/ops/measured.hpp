#pragma once
// A tensor of whose rows mean and variance may be known, so that a norm does not look for them.

#include "spearstorm/core/tensor.hpp"

namespace SPEARSTORM_NS {

namespace ops {

/// Handed on as the tensor that it is, it becomes a plain one.
template <class T, axis_type... Axes>
struct measured : tensor<T, Axes...> {
  T const *mean = nullptr, *variance = nullptr;  ///< of each row; null where they are not known

  measured() = default;
  measured(tensor<T, Axes...> const& x) : tensor<T, Axes...>(x) {}
  measured(tensor<T, Axes...> const& x, T const* mean_of, T const* variance_of)
      : tensor<T, Axes...>(x), mean(mean_of), variance(variance_of) {}
};

}  // namespace ops

template <class T, class... Axes>
inline constexpr bool is_tensor<ops::measured<T, Axes...>> = true;

}  // namespace SPEARSTORM_NS
