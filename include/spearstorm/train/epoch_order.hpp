#pragma once
// Which rows make up which batch of an epoch: a pure function of the options and the epoch's number.

#include <algorithm>
#include <numeric>
#include <vector>

#include "spearstorm/core/error.hpp"
#include "spearstorm/core/random.hpp"

namespace SPEARSTORM_NS::train {

struct order_options {
  index batch = 8;  ///< rows
  std::uint64_t seed = 0;
  bool shuffle = true;     ///< a new order in each epoch
  bool drop_last = false;  ///< leave out what does not fill a batch; other rows in each epoch where they are shuffled
  index window = 16;       ///< rows of similar length are put together within this many batches; 1: never
};

inline index batches_of(index rows, order_options const& options) {
  return options.drop_last ? rows / options.batch : (rows + options.batch - 1) / options.batch;
}

/// 0 ... n - 1, sorted by the random bits of a named stream where shuffled.
inline std::vector<index> epoch_permutation(index n, std::string_view name, index epoch, order_options const& options) {
  std::vector<index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), index{0});
  if (!options.shuffle) return order;
  random_stream const stream{options.seed, static_cast<std::uint32_t>(epoch), stream_id(name)};
  std::vector<std::uint32_t> bits;
  for (index i = 0; i < n; ++i) bits.push_back(stream.bits(static_cast<std::uint32_t>(i), 0));
  std::stable_sort(order.begin(), order.end(),
                   [&](index a, index b) { return bits[static_cast<std::size_t>(a)] < bits[static_cast<std::size_t>(b)]; });
  return order;
}

/// The rows of each batch; `length(row)` says which rows are similar.
template <class Length>
std::vector<std::vector<index>> epoch_order(index rows, index epoch, order_options const& options, Length const& length) {
  std::vector<index> order = epoch_permutation(rows, "train/shuffle", epoch, options);
  if (options.drop_last) order.resize(static_cast<std::size_t>(batches_of(rows, options) * options.batch));
  auto const n = static_cast<index>(order.size());
  index const stretch = options.window * options.batch;
  if (options.window > 1)
    for (index from = 0; from < n; from += stretch)
      std::stable_sort(order.begin() + from, order.begin() + std::min(n, from + stretch),
                       [&](index a, index b) { return length(a) < length(b); });
  std::vector<std::vector<index>> cut;
  for (index which : epoch_permutation(batches_of(rows, options), "train/batch order", epoch, options)) {
    auto const begin = order.begin() + which * options.batch;
    cut.emplace_back(begin, order.begin() + std::min(n, (which + 1) * options.batch));
  }
  return cut;
}

}  // namespace SPEARSTORM_NS::train
