#pragma once
// The largest number of a row, and the largest few, found by all lanes together and without a sort. Of equal numbers the one with the lower
// index comes first, everywhere.

#include <limits>

#include "spearstorm/core/order.hpp"
#include "spearstorm/ops/row_logits.hpp"

namespace SPEARSTORM_NS::ops {

inline constexpr index most_codes = 1 << 20;  ///< of a row whose largest is sought: value and place share the 53 bits of a double

/// A number of a row and its place.
struct row_place {
  float value;
  index at;
};

/// The largest row(v), the first where there are several. A nan is above or below all numbers.
/// @tparam Lanes of doubles
template <class Lanes, class Row>
SPEARSTORM_HD row_place first_highest(index n, Row const& row) {
  auto const packed = [&](index v) { return static_cast<double>(std::int64_t{ordered(row(v))} * most_codes + (most_codes - 1 - v)); };
  double const most = Lanes::max(n, packed(0), [&](auto at) { return at.generate(packed); });
  auto const whole = static_cast<std::int64_t>(most);
  return {from_ordered(static_cast<std::int32_t>(whole >> 20)), static_cast<index>(most_codes - 1 - (whole & (most_codes - 1)))};
}

/// The first tokens of a row in falling order: what is above `least`, and of what is equal to it that which stands before `end`.
struct row_cut {
  std::int32_t least = std::numeric_limits<std::int32_t>::min();
  index end = most_codes;

  SPEARSTORM_HD bool keeps(std::int32_t key, index v) const { return key > least || (key == least && v < end); }
};

/// The shortest cut whose weights, added up, are enough: by bisection on keys, then on places.
/// @param weight of token v
/// @param judge  of a sum: below 0 where it is too little, above where it is enough, 0 where it is and leaving out any would be too little
template <class Lanes, class Row, class Weight, class Judge>
SPEARSTORM_HD row_cut cut_where(index n, Row const& row, Weight const& weight, Judge const& judge) {
  auto const within = [&](row_cut cut) {
    return judge(sum_of<Lanes>(n, [&](index v) { return cut.keeps(ordered(row(v)), v) ? weight(v) : 0.0; }));
  };
  row_cut cut;
  std::int64_t low = std::numeric_limits<std::int32_t>::min(), high = std::int64_t{1} << 31;  // enough from low on, too little from high on
  while (high - low > 1) {
    std::int64_t const middle = low + (high - low) / 2;
    cut = {static_cast<std::int32_t>(middle), n};
    int const found = within(cut);
    if (found == 0) return cut;
    (found > 0 ? low : high) = middle;
  }
  index first = 0, end = n;  // more may be equal to the last one than there is room for
  while (first < end) {
    index const middle = first + (end - first) / 2;
    if (within({static_cast<std::int32_t>(low), middle}) < 0)
      first = middle + 1;
    else
      end = middle;
  }
  return {static_cast<std::int32_t>(low), end};
}

/// The k largest. @see token::keep_top
template <class Lanes, class Row>
SPEARSTORM_HD row_cut largest(index n, Row const& row, index k) {
  auto const wanted = static_cast<double>(k);
  return cut_where<Lanes>(
      n, row, [](index) { return 1.0; }, [&](double found) { return found < wanted ? -1 : static_cast<int>(found > wanted); });
}

/// Of the tokens inside a cut the likeliest whose probabilities exceed a share together. @see token::top_p
/// @param high the row's largest number
template <class Lanes, class Row>
SPEARSTORM_HD row_cut nucleus(index n, Row const& row, row_cut inside, float high, double share) {
  auto const raised = [&](index v) {
    float const x = row(v);
    return inside.keeps(ordered(x), v) ? exp(static_cast<double>(x) - static_cast<double>(high)) : 0.0;
  };
  double const all = sum_of<Lanes>(n, raised);
  row_cut const cut = cut_where<Lanes>(
      n, row, [&](index v) { return static_cast<double>(static_cast<float>(raised(v) / all)); },
      [&](double found) { return found > share ? 1 : -1; });
  return cut.least > inside.least || (cut.least == inside.least && cut.end < inside.end) ? cut : inside;
}

}  // namespace SPEARSTORM_NS::ops
