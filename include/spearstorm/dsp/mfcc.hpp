#pragma once
// Mel cepstra: an orthonormal cosine transform of log-mel frames, and slopes over time.

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <vector>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::dsp {

/// The first `coefficients` rows of the orthonormal DCT-II: of log-mel bands it makes mel cepstra (torchaudio.transforms.MFCC, norm="ortho").
/// Const, so that threads may share it.
/// @math c[k] = s_k sum_m x[m] cos(pi k (2 m + 1) / (2 size)),  s_0 = sqrt(1 / size), else s_k = sqrt(2 / size)
/// @throws value_error for a size below 1 or more coefficients than inputs
/// @see tests/dsp/mfcc.test.cpp
class cosine_transform {
 public:
  cosine_transform(index size, index coefficients) : size_(size), coefficients_(coefficients) {
    check_range<index>("cosine_transform", "size", size, 1, index{1} << 16);
    check_range<index>("cosine_transform", "coefficients", coefficients, 1, size);
    double const n = static_cast<double>(size);
    for (index k = 0; k < coefficients; ++k)
      for (index m = 0; m < size; ++m)
        weights_.push_back(static_cast<float>(std::sqrt((k == 0 ? 1 : 2) / n) *
                                              std::cos(std::numbers::pi * static_cast<double>(k * (2 * m + 1)) / (2 * n))));
  }

  index size() const { return size_; }
  index coefficients() const { return coefficients_; }

  /// @shape frames (n, size)  cepstra (n, coefficients)
  void apply(std::span<float const> frames, std::span<float> cepstra) const {
    check_size("cosine_transform", "frames", "size modulo bands", static_cast<index>(frames.size()) % size_, "transform", 0);
    index const n = static_cast<index>(frames.size()) / size_;
    check_size("cosine_transform", "cepstra", "size", static_cast<index>(cepstra.size()), "frames", n * coefficients_);
    for (index t = 0; t < n; ++t)
      for (index k = 0; k < coefficients_; ++k) {
        float const *const x = frames.data() + t * size_, *const w = weights_.data() + k * size_;
        float sum = 0;
        for (index m = 0; m < size_; ++m) sum += w[m] * x[m];
        cepstra[static_cast<std::size_t>(t * coefficients_ + k)] = sum;
      }
  }

 private:
  index size_, coefficients_;
  std::vector<float> weights_;
};

/// The slope of each column: a least-squares line through 2 radius + 1 frames, the first and the last frame repeated at the ends
/// (torchaudio.functional.compute_deltas with win_length = 2 radius + 1).
/// @math d[t] = sum_{r=1..radius} r (x[t + r] - x[t - r]) / (2 sum_r r^2)
/// @shape rows (n, dim)  returns (n, dim)
/// @throws value_error for a radius or a dim below 1, shape_error where rows do not divide by dim
inline std::vector<float> deltas(std::span<float const> rows, index dim, index radius = 2) {
  check_range<index>("deltas", "dim", dim, 1, index{1} << 24);
  check_range<index>("deltas", "radius", radius, 1, index{1} << 16);
  check_size("deltas", "rows", "size modulo dim", static_cast<index>(rows.size()) % dim, "caller", 0);
  index const n = static_cast<index>(rows.size()) / dim;
  std::vector<float> slopes(rows.size());
  float const scale = 3.0f / static_cast<float>(radius * (radius + 1) * (2 * radius + 1));  // 1 / (2 (1 + 4 + ... + radius^2))
  for (index t = 0; t < n; ++t)
    for (index r = 1; r <= radius; ++r) {
      float const* const after = rows.data() + std::min(t + r, n - 1) * dim;
      float const* const before = rows.data() + std::max<index>(t - r, 0) * dim;
      for (index d = 0; d < dim; ++d)
        slopes[static_cast<std::size_t>(t * dim + d)] += scale * static_cast<float>(r) * (after[d] - before[d]);
    }
  return slopes;
}

}  // namespace SPEARSTORM_NS::dsp
