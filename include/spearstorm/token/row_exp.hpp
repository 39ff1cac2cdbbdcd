#pragma once
// exp in double over a row of floats, in loops that compilers turn into SIMD: softmax and confidence spend their time here.

#include <bit>
#include <cmath>
#include <cstdint>
#include <span>

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS::token::detail {

/// exp(x) of x <= 0 within 1e-14 of its value; below -700, where a float is long 0, exp(-700).
/// @math exp(x) = 2^n exp(r),  n = round(x / ln 2),  |r| <= ln 2 / 2, exp(r) by its series
inline double exp_below_0(double x) {
  x = x < -700.0 ? -700.0 : x;
#if defined(__FAST_MATH__)
  return std::exp(x);  // what follows rounds by an addition that fast mathematics would remove
#else
  constexpr double to_integer = 6755399441055744.0;  // 1.5 * 2^52: what is added to it ends up in its last bits, rounded
  double const shifted = x * 1.4426950408889634 + to_integer, n = shifted - to_integer;
  double const r = x - n * 0.693147180369123816490 - n * 1.90821492927058770002e-10;
  double y = 1.0 / 39916800;
  y = y * r + 1.0 / 3628800;
  y = y * r + 1.0 / 362880;
  y = y * r + 1.0 / 40320;
  y = y * r + 1.0 / 5040;
  y = y * r + 1.0 / 720;
  y = y * r + 1.0 / 120;
  y = y * r + 1.0 / 24;
  y = y * r + 1.0 / 6;
  y = y * r + 0.5;
  y = y * r + 1.0;
  y = y * r + 1.0;
  return y * std::bit_cast<double>((std::bit_cast<std::uint64_t>(shifted) + 1023) << 52);
#endif
}

/// The sum of exp(l - high) over a row: eight partial sums, added in a fixed order.
inline double sum_of_exp(std::span<float const> row, float high) {
  constexpr std::size_t block = 32, width = 8;
  double parts[width] = {};
  std::size_t v = 0;
  for (; v + block <= row.size(); v += block) {
    double e[block];
    for (std::size_t i = 0; i < block; ++i) e[i] = exp_below_0(static_cast<double>(row[v + i]) - high);
    for (std::size_t i = 0; i < block; i += width)
      for (std::size_t j = 0; j < width; ++j) parts[j] += e[i + j];
  }
  double sum = 0;
  for (double part : parts) sum += part;
  for (; v < row.size(); ++v) sum += exp_below_0(static_cast<double>(row[v]) - high);
  return sum;
}

}  // namespace SPEARSTORM_NS::token::detail
