#pragma once
// Attention by tiles with an online softmax (Milakov and Gimelshein 2018; Dao et al. 2022): nothing of size queries x keys is
// kept or made. Composed of gemm, each_row and fill, so it runs on every backend.

#include <limits>

#include "spearstorm/ops/attend_rows.hpp"
#include "spearstorm/ops/frame_mask.hpp"
#include "spearstorm/ops/relative_bias.hpp"
#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::axes {
SPEARSTORM_AXIS(keys);  // frames that are attended to, as the last axis of a bias (heads, rows, keys)
}

namespace SPEARSTORM_NS::ops {

struct attend_options {
  index heads = 8;       ///< soundstorm-pytorch
  index kv_heads = 0;    ///< heads of keys and values, which query heads share: query head h reads h % kv_heads; 0: as many
  double scale = 0;      ///< of the scores; 0: 1 / sqrt(dim_head)
  bool causal = false;   ///< query i sees keys 0 ... i
  index window = 0;      ///< query i sees keys i - window ... i + window; 0: all
  frame_mask keys = {};  ///< (batch, frames of keys), 1 where a key may be attended to
  index query_tile = 0;  ///< tiles trade memory, batch * heads * query_tile * key_tile scores, against speed; other sizes round differently
  index key_tile = 0;    ///< 0: 256 queries and 128 keys, whose scores stay in a core's cache; 512 and 512 on a device, where calls cost
};

struct attend_op {
  static constexpr char const* name = "attend";

  template <class T>
  struct saved {
    detail_attend::shape shape;
    detail_attend::additions<T> plus;  // penalty is made anew
    flag const* allowed;
    T const *q, *k, *v, *out, *lse;
    index bias_size, offsets;  // offsets: 0 for a full bias
  };

  /// Where an operand of a tile's products lies: its first element, per row, per example, per head, and from the query heads that share
  /// the keys' heads once to those that share them again.
  struct place {
    index first, row, batch, head, again;
  };
  static place queries_at(detail_attend::tile const& t) {
    return {t.first_query * t.of.dim(), t.of.dim(), t.of.queries * t.of.dim(), t.of.width, t.of.key_dim()};
  }
  static place keys_at(detail_attend::tile const& t) {
    return {t.first_key * t.of.key_dim(), t.of.key_dim(), t.of.keys * t.of.key_dim(), t.of.width, 0};
  }
  /// Scores begin with the tile's first item, where the others hold all items.
  static place scores_at(detail_attend::tile const& t) {
    index const area = t.query_count * t.key_count;
    return {-(t.first_item * area), t.key_count, t.of.heads * area, area, t.of.kv_heads * area};
  }
  /// c = alpha op(a) op(b) + beta c for every item; `call` brings sizes, transposes, alpha and beta.
  template <class T>
  static void product(auto& exec, detail_attend::tile const& t, backend::gemm_call call, T const* a, place const& at_a, T const* b,
                      place const& at_b, T* c, place const& at_c) {
    call.lda = at_a.row, call.ldb = at_b.row, call.ldc = at_c.row;
    auto const run = [&](index batch, index head, index again) {
      auto const from = [&](place const& p) { return p.first + batch * p.batch + head * p.head + again * p.again; };
      verbs::gemm(exec, call, a + from(at_a), b + from(at_b), c + from(at_c));
    };
    if (t.items == 1)
      return run(t.first_item / t.of.heads, t.first_item % t.of.heads % t.of.kv_heads, t.first_item % t.of.heads / t.of.kv_heads);
    call.batches = t.of.batch, call.heads = t.of.kv_heads;
    call.a_batch = at_a.batch, call.a_head = at_a.head;
    call.b_batch = at_b.batch, call.b_head = at_b.head;
    call.c_batch = at_c.batch, call.c_head = at_c.head;
    for (index again = 0; again < t.of.heads / t.of.kv_heads; ++again) run(0, 0, again);
  }

  /// c (queries, keys of the tile) = alpha a b^T
  template <class T>
  static void scores_of(auto& exec, detail_attend::tile const& t, double alpha, T const* a, T const* b, T* c) {
    product<T>(exec, t, {.m = t.query_count, .n = t.key_count, .k = t.of.width, .trans_b = true, .alpha = alpha}, a, queries_at(t), b,
               keys_at(t), c, scores_at(t));
  }
  /// to (queries, width) += alpha scores from (keys, width)
  template <class T>
  static void add_to_queries(auto& exec, detail_attend::tile const& t, double alpha, T const* scores, T const* from, T* to) {
    product<T>(exec, t, {.m = t.query_count, .n = t.of.width, .k = t.key_count, .alpha = alpha, .beta = 1}, scores, scores_at(t), from,
               keys_at(t), to, queries_at(t));
  }
  /// to (keys, width) += alpha scores^T from (queries, width)
  template <class T>
  static void add_to_keys(auto& exec, detail_attend::tile const& t, double alpha, T const* scores, T const* from, T* to) {
    product<T>(exec, t, {.m = t.key_count, .n = t.of.width, .k = t.query_count, .trans_a = true, .alpha = alpha, .beta = 1}, scores,
               scores_at(t), from, queries_at(t), to, keys_at(t));
  }
  /// The mask as what is added to scores, in scratch memory.
  template <class T>
  static T const* penalty_of(auto& exec, detail_attend::shape const& s, flag const* allowed, auto const& scratch) {
    if (!allowed) return nullptr;
    T* const penalty = scratch(s.batch * s.keys);
    verbs::transform<T>(exec, s.batch * s.keys, backend::move_span,
                        detail_attend::penalty_elements<T>{allowed, penalty, -std::numeric_limits<T>::infinity()});
    return penalty;
  }

  static auto forward(context_like auto& ctx, auto const& q, auto const& k, auto const& v, auto const& bias, detail_attend::shape const& s,
                      flag const* allowed) {
    using context_type = std::remove_reference_t<decltype(ctx)>;
    using T = typename context_type::value_type;
    T* const out = ctx.template allocate<T>(q.size());
    T* most = context_type::is_recording ? ctx.template allocate<T>(s.statistics()) : nullptr;
    saved<T> kept{s, {}, allowed, q.data(), k.data(), v.data(), out, most, bias.size(), 0};
    if constexpr (std::remove_cvref_t<decltype(bias)>::rank == 2) {
      kept.offsets = bias.extent(1);
      if (bias.data()) kept.plus = {bias.data() + kept.offsets / 2, kept.offsets, -1};
    } else {
      kept.plus = {bias.data(), s.queries * s.keys, s.keys};
    }

    auto const guard = ctx.scratch();
    if (!most) most = ctx.template allocate<T>(s.statistics());
    T* const total = ctx.template allocate<T>(s.statistics());
    T* const scores = ctx.template allocate<T>(s.items() * s.scores());
    auto plus = kept.plus;
    plus.penalty = penalty_of<T>(ctx.exec(), s, allowed, [&](index n) { return ctx.template allocate<T>(n); });
    verbs::fill(ctx.exec(), most, s.statistics(), std::numeric_limits<T>::lowest());
    verbs::fill(ctx.exec(), total, s.statistics(), T(0));
    verbs::fill(ctx.exec(), out, q.size(), T(0));
    verbs::each_item(ctx.exec(), s.items(), [&](index first, index items) {
      T* const own = scores + first * s.scores();
      detail_attend::for_each_tile(s, first, items, [&](detail_attend::tile const& t) {
        scores_of<T>(ctx.exec(), t, s.scale, q.data(), k.data(), own);
        verbs::each_row<T>(ctx.exec(), t.rows(), 4 * t.key_count, detail_attend::online_softmax_row<T>{t, plus, own, most, total, out});
        add_to_queries<T>(ctx.exec(), t, 1, own, v.data(), out);
      });
    });
    verbs::each_row<T>(ctx.exec(), s.statistics(), s.width, detail_attend::finish_attention_row<T>{s, most, out, total});
    using axes = typename std::remove_cvref_t<decltype(q)>::axes_type;
    return std::pair{ctx.template wrap<axes>(out, q.extents()), kept};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& kept, T const* dout) {
    auto const& s = kept.shape;
    auto& exec = back.exec();
    auto const scratch = [&](index n) { return back.template scratch<T>(n); };
    auto const zeros = [&](index input, index size) {
      T* const to = back.result(input, size);
      if (to) verbs::fill(exec, to, size, T(0));
      return to;
    };
    T* const dq = zeros(0, s.batch * s.queries * s.dim());
    T* const dk = zeros(1, s.batch * s.keys * s.key_dim());
    T* const dv = zeros(2, s.batch * s.keys * s.key_dim());
    T* const dbias = zeros(3, kept.bias_size);
    T *const delta = scratch(s.statistics()), *const weights = scratch(s.items() * s.scores()),
             *const gradients = scratch(s.items() * s.scores());
    T* const summed = dbias && kept.offsets ? scratch(s.heads * s.scores()) : nullptr;
    auto plus = kept.plus;
    plus.penalty = penalty_of<T>(exec, s, kept.allowed, scratch);
    verbs::each_row<T>(exec, s.statistics(), s.width, detail_attend::attention_delta_row<T>{s, kept.out, dout, delta});
    auto const go_back = [&](index first, index items) {
      T *const own = weights + first * s.scores(), *const own_back = gradients + first * s.scores();
      detail_attend::for_each_tile(s, first, items, [&](detail_attend::tile const& t) {
        scores_of<T>(exec, t, s.scale, kept.q, kept.k, own);
        scores_of<T>(exec, t, 1, dout, kept.v, own_back);
        verbs::each_row<T>(exec, t.rows(), 4 * t.key_count, detail_attend::attention_back_row<T>{t, plus, kept.lse, delta, own, own_back});
        if (dv) add_to_keys<T>(exec, t, 1, own, dout, dv);
        if (dq) add_to_queries<T>(exec, t, s.scale, own_back, kept.k, dq);
        if (dk) add_to_keys<T>(exec, t, s.scale, own_back, kept.q, dk);
        if (dbias) add_to_bias<T>(exec, t, kept.offsets, own_back, summed, dbias);
      });
    };
    if (dbias || s.kv_heads != s.heads)
      go_back(0, s.items());  // heads that share keys and examples that share a bias add to the same numbers
    else
      verbs::each_item(exec, s.items(), go_back);
  }

  /// A full bias gets the tile's sums where they belong; a relative one through `summed` along the diagonals.
  template <class T>
  static void add_to_bias(auto& exec, detail_attend::tile const& t, index offsets, T const* gradients, T* summed, T* dbias) {
    auto const& s = t.of;
    index const rows = s.heads * t.query_count, work = s.batch * t.key_count;
    if (!offsets) {
      T* const to = dbias + t.first_query * s.keys + t.first_key;
      return verbs::each_row<T>(exec, rows, work, detail_attend::sum_batch_row<T>{t, gradients, to, s.queries * s.keys, s.keys});
    }
    using diagonals = detail_attend::add_diagonals_row<T>;
    verbs::each_row<T>(exec, rows, work, detail_attend::sum_batch_row<T>{t, gradients, summed, t.query_count * t.key_count, t.key_count});
    verbs::each_row<T>(exec, s.heads * diagonals::parts(t), diagonals::part * t.query_count,
                       diagonals{t, summed, dbias + offsets / 2, offsets});
  }
};

namespace detail_attend {
/// Checks and runs; a bias without data is none.
auto run(context_like auto& ctx, auto const& q, auto const& k, auto const& v, auto const& bias, attend_options const& options) {
  index const heads = options.heads, kv_heads = options.kv_heads == 0 ? heads : options.kv_heads;
  index const batch = q.extent(0), queries = q.extent(1), dim = q.extent(2), keys = k.extent(1);
  if (heads < 1) fail<value_error>("attend: heads = ", heads, ", expected at least 1");
  if (kv_heads < 1 || heads % kv_heads != 0)
    fail<value_error>("attend: kv_heads = ", kv_heads, ", expected a number that divides heads = ", heads);
  if (options.window < 0) fail<value_error>("attend: window = ", options.window, ", expected at least 0");
  if (options.query_tile < 0 || options.key_tile < 0)
    fail<value_error>("attend: query_tile = ", options.query_tile, " and key_tile = ", options.key_tile, ", expected 0 or more");
  if (dim % heads != 0) fail<shape_error>("attend: queries have dim = ", dim, ", ", heads, " heads expect a multiple of ", heads);
  check_size("attend", "keys", "batch", k.extent(0), "queries", batch);
  check_size("attend", "keys", "dim", k.extent(2), "queries", dim / heads * kv_heads);
  check_size("attend", "values", "batch", v.extent(0), "queries", batch);
  check_size("attend", "values", "frames", v.extent(1), "keys", keys);
  check_size("attend", "values", "dim", v.extent(2), "queries", dim / heads * kv_heads);
  flag const* allowed = nullptr;
  if (options.keys) {
    auto const mask = ctx.eval(*options.keys);
    check_size("attend", "mask", "batch", mask.extent(0), "keys", batch);
    check_size("attend", "mask", "frames", mask.extent(1), "keys", keys);
    allowed = mask.data();
  }
  double const scale = options.scale != 0 ? options.scale : 1 / sqrt(static_cast<double>(dim / heads));
  constexpr bool on_host = std::remove_reference_t<decltype(ctx)>::memory::on_host;
  index const query_tile = options.query_tile > 0 ? options.query_tile : on_host ? 256 : 512;
  index const key_tile = options.key_tile > 0 ? options.key_tile : on_host ? 128 : 512;
  detail_attend::shape const shape{batch,          heads,          kv_heads,   queries,  keys, dim / heads,
                                   options.causal, options.window, query_tile, key_tile, scale};
  return record<attend_op>(ctx, std::tuple{q, k, v, bias}, shape, allowed);
}
}  // namespace detail_attend

/// Multi-head attention. A query without any allowed key gives zeros, and no gradient.
/// @shape q (batch, frames, dim = heads * dim_head)  k, v (batch, frames of keys, kv_heads * dim_head)  returns (batch, frames, dim)
/// @math  out = softmax(scale q k^T + bias, over allowed keys) v;  p = exp(score - lse),  dv = p^T dout,
///        ds = p (dout v^T - sum(dout * out)),  dq = scale ds k,  dk = scale ds^T q,  dbias = ds summed
/// @cost  4 batch frames keys dim FLOPs forward, 10 backward, less what causal and window rule out;
///        recording keeps q, k, v, out and one log-sum-exp per query and head
/// @throws shape_error where sizes do not fit, value_error where an option is out of range
auto attend(context_like auto& ctx, operand_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& q,
            operand_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& k,
            operand_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& v, attend_options const& options = {}) {
  using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
  return detail_attend::run(ctx, ctx.eval(q), ctx.eval(k), ctx.eval(v), tensor<T, axes::heads<>, axes::offsets<>>{}, options);
}

/// With a bias over key - query, as `relative_bias` makes it: offsets is odd, its middle is key = query.
/// @shape bias (heads, offsets >= 2 max(frames, frames of keys) - 1)
auto attend(context_like auto& ctx, operand_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& q,
            operand_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& k,
            operand_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& v,
            operand_of<axes::heads<>, axes::offsets<>> auto const& bias, attend_options const& options = {}) {
  auto const qs = ctx.eval(q);
  auto const ks = ctx.eval(k);
  auto const table = ctx.eval(bias);
  index const longest = qs.extent(1) > ks.extent(1) ? qs.extent(1) : ks.extent(1);
  check_size("attend", "bias", "heads", table.extent(0), "options", options.heads);
  if (table.extent(1) % 2 == 0 || table.extent(1) < 2 * longest - 1)
    fail<shape_error>("attend: bias has offsets = ", table.extent(1), ", ", longest, " frames expect an odd number of at least ",
                      2 * longest - 1);
  return detail_attend::run(ctx, qs, ks, ctx.eval(v), table, options);
}

/// With a bias for each query and key, the user's own (frames, keys) numbers per head.
/// @shape bias (heads, rows = frames, keys = frames of keys)
auto attend(context_like auto& ctx, operand_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& q,
            operand_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& k,
            operand_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& v,
            operand_of<axes::heads<>, axes::rows<>, axes::keys<>> auto const& bias, attend_options const& options = {}) {
  auto const qs = ctx.eval(q);
  auto const ks = ctx.eval(k);
  auto const full = ctx.eval(bias);
  check_size("attend", "bias", "heads", full.extent(0), "options", options.heads);
  check_size("attend", "bias", "rows", full.extent(1), "queries", qs.extent(1));
  check_size("attend", "bias", "keys", full.extent(2), "keys", ks.extent(1));
  return detail_attend::run(ctx, qs, ks, ctx.eval(v), full, options);
}

}  // namespace SPEARSTORM_NS::ops
