#pragma once
// Ids for the programs of bench/run and of bench/compare.

#include "spearstorm/core/random.hpp"

namespace bench_run {

/// Fills an array of ids with numbers below `ids`.
template <class Array>
Array random_ids(Array made, spearstorm::index ids, std::uint32_t seed = 0) {
  spearstorm::random_stream const draws{1, 0, seed};
  for (spearstorm::index i = 0; i < made.size(); ++i)
    made.data()[i] = static_cast<std::int32_t>(draws.below(static_cast<std::uint32_t>(ids), 0, static_cast<std::uint32_t>(i)));
  return made;
}

}  // namespace bench_run
