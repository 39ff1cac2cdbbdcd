#pragma once
// A row of logits as row programs that choose tokens read it: as floats, guided where there is a second row. Their lanes are those of
// doubles, so that what they count and add up is as exact as on the host.

#include "spearstorm/core/math.hpp"

namespace SPEARSTORM_NS::ops {

/// Classifier-free guidance away from a second row. @see token::guidance_options, token::guided
struct guidance {
  float scale = 1;    ///< 1: there is no second row
  float rescale = 0;  ///< the share of the deviation of `with` that is brought back
};

/// One row, or what guidance makes of two.
/// @math without + scale (with - without), times a factor of the row
template <class T>
struct row_logits {
  T const* with;
  T const* without = nullptr;  ///< null: not guided
  float scale = 1, factor = 1;

  SPEARSTORM_HD float operator()(index v) const {
    float const x = static_cast<float>(with[v]);
    if (!without) return x;
    float const away = static_cast<float>(without[v]);
    return (away + scale * (x - away)) * factor;
  }
};

/// The sum of f(v) over a row. @tparam Lanes of doubles
template <class Lanes, class F>
SPEARSTORM_HD double sum_of(index n, F const& f) {
  return Lanes::sum(n, [&](auto at) { return at.generate([&](index v) { return static_cast<double>(f(v)); }); });
}

/// The standard deviation of a row.
template <class Lanes, class Row>
SPEARSTORM_HD double deviation_of(index n, Row const& row) {
  double const mean = sum_of<Lanes>(n, row) / static_cast<double>(n);
  double const squares = sum_of<Lanes>(n, [&](index v) {
    double const apart = static_cast<double>(row(v)) - mean;
    return apart * apart;
  });
  return sqrt(squares / static_cast<double>(n));
}

/// Brings a guided row's deviation back to that of the row with the condition, by the share that guidance asks for.
/// @math factor = phi std(with) / std(guided) + 1 - phi
template <class Lanes, class T>
SPEARSTORM_HD row_logits<T> guided_row(T const* with, T const* without, index n, guidance by) {
  if (by.scale == 1.0f) return {with};
  row_logits<T> made{with, without, by.scale};
  if (by.rescale == 0.0f) return made;
  double const before = deviation_of<Lanes>(n, [&](index v) { return static_cast<double>(with[v]); }), after = deviation_of<Lanes>(n, made);
  double const share = static_cast<double>(by.rescale);
  if (after > 0) made.factor = static_cast<float>(share * before / after + 1 - share);  // else all are alike: nothing to bring back
  return made;
}

}  // namespace SPEARSTORM_NS::ops
