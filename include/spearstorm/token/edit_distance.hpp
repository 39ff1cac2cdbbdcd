#pragma once
// How many ids must be put in, taken out or exchanged to make one row of another: token, character and word error rates.

#include <algorithm>
#include <span>
#include <vector>

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS::token {

/// Levenshtein's distance.
/// @cost  |found| * |expected| comparisons, memory of one row
template <class T>
index edit_distance(std::span<T const> found, std::span<T const> expected) {
  std::vector<index> row(expected.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = static_cast<index>(j);
  for (std::size_t i = 0; i < found.size(); ++i) {
    index diagonal = row[0];
    row[0] = static_cast<index>(i) + 1;
    for (std::size_t j = 0; j < expected.size(); ++j) {
      index const exchanged = diagonal + (found[i] == expected[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({exchanged, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

/// Errors over all rows, as a share of what was expected.
struct error_rate {
  index errors = 0, expected = 0;

  template <class T>
  void add(std::span<T const> found, std::span<T const> wanted) {
    errors += edit_distance(found, wanted);
    expected += static_cast<index>(wanted.size());
  }
  double share() const { return expected == 0 ? 0.0 : static_cast<double>(errors) / static_cast<double>(expected); }
};

}  // namespace SPEARSTORM_NS::token
