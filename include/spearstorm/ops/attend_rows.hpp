#pragma once
// The row programs of attention: softmax over keys that arrive tile by tile, and its way back.

#include "spearstorm/ops/attend_tile.hpp"
#include "spearstorm/tape/sweep.hpp"

namespace SPEARSTORM_NS::ops::detail_attend {

/// 0 for a key that may be attended to, -inf for one that may not.
template <class T>
struct penalty_elements {
  flag const* allowed;
  T* penalty;
  T minus_infinity;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index i = first; i < first + count; ++i) penalty[i] = allowed[i] ? T(0) : minus_infinity;
  }
};

/// Zeros outside [begin, end): a product reads the whole tile.
template <class Lanes, class T>
SPEARSTORM_HD void clear_outside(T* row, index begin, index end, index count) {
  using pack = typename Lanes::pack;
  Lanes::each(begin, [&](auto at) { at.store(row, pack(T(0))); });
  Lanes::each(count - end, [&](auto at) { at.store(row + end, pack(T(0))); });
}

/// Scores become exp(score - running maximum); what was summed under an older maximum is scaled down. The maximum starts
/// at the lowest finite number, so a row without allowed keys gives zeros and no NaN.
template <class T>
struct online_softmax_row {
  tile on;
  additions<T> plus;
  T *scores, *most, *total, *out;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    auto const at_row = on.locate(row);
    index const count = at_row.end - at_row.begin;
    T* const from = scores + row * on.key_count + at_row.begin;
    index const key = on.first_key + at_row.begin;
    T const* const bias = plus.bias ? plus.bias + at_row.head * plus.bias_head + at_row.query * plus.bias_query + key : nullptr;
    T const* const penalty = plus.penalty ? plus.penalty + at_row.batch * on.of.keys + key : nullptr;

    T const before = most[at_row.statistic];
    T const now = Lanes::max(count, before, [&](auto at) {
      pack score = at.load(from);
      if (bias) score = score + at.load(bias);
      if (penalty) score = score + at.load(penalty);
      if (bias || penalty) at.store(from, score);
      return score;
    });
    T const sum = Lanes::sum(count, [&](auto at) {
      pack const weight = exp(at.load(from) - pack(now));
      at.store(from, weight);
      return weight;
    });
    clear_outside<Lanes>(from - at_row.begin, at_row.begin, at_row.end, on.key_count);
    T const shrink = exp(before - now);
    Lanes::once([&] {
      most[at_row.statistic] = now;
      total[at_row.statistic] = total[at_row.statistic] * shrink + sum;
    });
    T* const to = out + at_row.head_row;
    if (shrink != T(1)) Lanes::each(on.of.width, [&](auto at) { at.store(to, at.load(to) * pack(shrink)); });
  }
};

/// Behind the last tile: out = sum / total; `most` becomes the log-sum-exp, 0 for a row without allowed keys.
template <class T>
struct finish_attention_row {
  shape of;
  T *most, *out;
  T const* total;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    auto const at_row = tile{of, 0, of.items(), 0, of.queries, 0, of.keys}.locate(row);
    T const sum = total[row];
    T const scale = sum > T(0) ? T(1) / sum : T(0);
    Lanes::once([&] { most[row] = sum > T(0) ? most[row] + log(sum) : T(0); });
    T* const to = out + at_row.head_row;
    Lanes::each(of.width, [&](auto at) { at.store(to, at.load(to) * pack(scale)); });
  }
};

/// delta = the sum of dout * out over the features of a head.
template <class T>
struct attention_delta_row {
  shape of;
  T const *out, *dout;
  T* delta;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    index const at_head = tile{of, 0, of.items(), 0, of.queries, 0, of.keys}.locate(row).head_row;
    T const along = Lanes::sum(of.width, [&](auto at) { return pack(at.load(out + at_head) * at.load(dout + at_head)); });
    Lanes::once([&] { delta[row] = along; });
  }
};

/// Scores become weights exp(score - lse), their gradients (dout v^T) those of the scores: weight * (gradient - delta).
template <class T>
struct attention_back_row {
  tile on;
  additions<T> plus;
  T const *lse, *delta;
  T *scores, *gradients;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    auto const at_row = on.locate(row);
    T* const weights = scores + row * on.key_count + at_row.begin;
    T* const back = gradients + row * on.key_count + at_row.begin;
    index const key = on.first_key + at_row.begin;
    T const* const bias = plus.bias ? plus.bias + at_row.head * plus.bias_head + at_row.query * plus.bias_query + key : nullptr;
    T const* const penalty = plus.penalty ? plus.penalty + at_row.batch * on.of.keys + key : nullptr;
    pack const log_total(lse[at_row.statistic]), both(delta[at_row.statistic]);
    Lanes::each(at_row.end - at_row.begin, [&](auto at) {
      pack score = at.load(weights);
      if (bias) score = score + at.load(bias);
      if (penalty) score = score + at.load(penalty);
      pack const weight = exp(score - log_total);
      at.store(weights, weight);
      at.store(back, weight * (at.load(back) - both));
    });
    clear_outside<Lanes>(weights - at_row.begin, at_row.begin, at_row.end, on.key_count);
    clear_outside<Lanes>(back - at_row.begin, at_row.begin, at_row.end, on.key_count);
  }
};

/// Row (head, query of the tile): the scores' gradients summed over the batch, to a bias or a tile of one.
template <class T>
struct sum_batch_row {
  tile on;
  T const* gradients;
  T* to;
  index to_head, to_query;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    index const h = row / on.query_count, i = row % on.query_count, stride = on.of.heads * on.query_count * on.key_count;
    Lanes::each(on.key_count, [&](auto at) {
      typename Lanes::pack total(T(0));
      for (index b = 0; b < on.of.batch; ++b) total = total + at.load(gradients + b * stride + row * on.key_count);
      at.store(to + h * to_head + i * to_query, total);
    });
  }
};

/// Row (head, part of the tile's offsets): the tile's diagonals added to the gradient of a relative bias.
template <class T>
struct add_diagonals_row {
  static constexpr index part = 16;  // neighbouring diagonals, so that lanes have neighbours to take
  tile on;
  T const* gradients;                                                              // (heads, query_count, key_count)
  T* dbias;                                                                        // (heads, offsets), moved so that key - query = 0 is at 0
  index offsets;

  static index parts(tile const& t) { return (t.query_count + t.key_count - 1 + part - 1) / part; }

  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    index const all = (on.query_count + on.key_count - 1 + part - 1) / part, h = row / all;
    index const first = row % all * part - (on.query_count - 1);  // key - query inside the tile
    T* const to = dbias + h * offsets + on.first_key - on.first_query + first;
    for (index i = 0; i < on.query_count; ++i) {
      index const low = first + i < 0 ? -(first + i) : 0, high = on.key_count - first - i < part ? on.key_count - first - i : part;
      if (low >= high) continue;
      T const* const from = gradients + (h * on.query_count + i) * on.key_count + first + i + low;
      Lanes::each(high - low, [&](auto at) { at.store(to + low, at.load(to + low) + at.load(from)); });
    }
  }
};

}  // namespace SPEARSTORM_NS::ops::detail_attend
