#pragma once
// Attention by tiles: what all its row programs know of a tile, and in which order tiles are visited.

#include "spearstorm/core/axes.hpp"

namespace SPEARSTORM_NS::ops::detail_attend {

/// Sizes and rules of one call. Queries are (batch, frames, heads * width), keys (batch, frames, kv_heads * width); statistics
/// (batch, heads, queries). Query head h goes with key head h % kv_heads.
struct shape {
  index batch, heads, kv_heads, queries, keys, width;
  bool causal;
  index window;  // 0: none
  index query_tile, key_tile;
  double scale;

  index dim() const { return heads * width; }
  index key_dim() const { return kv_heads * width; }
  index statistics() const { return items() * queries; }
  SPEARSTORM_HD index items() const { return batch * heads; }
  /// Elements of the largest tile's scores, of one item.
  index scores() const { return (query_tile < queries ? query_tile : queries) * (key_tile < keys ? key_tile : keys); }
};

/// What is added to a score, both along keys without gaps: the bias at data + head * h + query * i + j (a relative bias has
/// query = -1), and per key 0 or -inf. Null where there is none.
template <class T>
struct additions {
  T const* bias = nullptr;
  index bias_head = 0, bias_query = 0;
  T const* penalty = nullptr;                                                      // (batch, keys)
};

/// Queries first_query ... + query_count - 1 against keys first_key ... + key_count - 1, for a range of items: pairs of example and head.
struct tile {
  shape of;
  index first_item, items;
  index first_query, query_count, first_key, key_count;

  index rows() const { return items * query_count; }

  struct place {
    index statistic;   // into (batch, heads, queries)
    index head_row;    // of the head's features, into (batch, queries, heads * width)
    index begin, end;  // allowed keys, counted from first_key
    index batch, head, query;
  };
  /// The place of a row of scores (items, query_count).
  SPEARSTORM_HD place locate(index row) const {
    index const item = first_item + row / query_count, i = first_query + row % query_count, b = item / of.heads, h = item % of.heads;
    index low = first_key, high = first_key + key_count;
    if (of.causal && high > i + 1) high = i + 1;
    if (of.window > 0 && low < i - of.window) low = i - of.window;
    if (of.window > 0 && high > i + of.window + 1) high = i + of.window + 1;
    if (high < low) low = high = first_key;
    return {item * of.queries + i, ((b * of.queries + i) * of.heads + h) * of.width, low - first_key, high - first_key, b, h, i};
  }
};

/// Calls f(tile) for each tile of these items with an allowed key, always in the same order: it fixes the order of every sum.
template <class F>
void for_each_tile(shape const& s, index first_item, index items, F const& f) {
  for (index i = 0; i < s.queries; i += s.query_tile)
    for (index j = 0; j < s.keys; j += s.key_tile) {
      index const query_count = s.queries - i < s.query_tile ? s.queries - i : s.query_tile;
      index const key_count = s.keys - j < s.key_tile ? s.keys - j : s.key_tile;
      index const last = i + query_count - 1;
      if (s.causal && j > last) continue;
      if (s.window > 0 && (j > last + s.window || j + key_count - 1 < i - s.window)) continue;
      f(tile{s, first_item, items, i, query_count, j, key_count});
    }
}

}  // namespace SPEARSTORM_NS::ops::detail_attend
