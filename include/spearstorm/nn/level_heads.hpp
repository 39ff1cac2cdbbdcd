#pragma once
// From features to the logits of one level: each level has its own head and its own logits, one norm is shared.

#include <cmath>

#include "spearstorm/nn/layer_norm.hpp"
#include "spearstorm/ops/contract_heads.hpp"
#include "spearstorm/ops/grouped_linear.hpp"

namespace SPEARSTORM_NS::nn {

struct head_sizes {
  index levels, dim, vocab;
};

/// Only the rows asked for and only their level are computed; soundstorm-pytorch computes all levels of all frames.
/// @shape x (rows, dim), sorted by level  offsets (levels + 1)  returns (rows, vocab)
/// @see   soundstorm-pytorch: ConformerWrapper.heads and to_logits (EinMix)
template <index Levels, index Dim, index Vocab, execution_policy Exec>
struct level_heads {
  using width = axes::dim<Dim>;

  parameter<Exec, axes::levels<Levels>, axes::out<Dim>, axes::in<Dim>> head;
  parameter<Exec, axes::levels<Levels>, axes::out<Dim>> head_bias;
  nn::layer_norm<Dim, Exec> norm;
  parameter<Exec, axes::levels<Levels>, axes::out<Vocab>, axes::in<Dim>> logits;
  parameter<Exec, axes::levels<Levels>, axes::out<Vocab>> logits_bias;

  explicit level_heads(workspace<Exec>& work, head_sizes s = {Levels, Dim, Vocab})
      : head(work, {resolve("level_heads", "levels", Levels, s.levels), s.dim, s.dim}, start(s)),
        head_bias(work, {s.levels, s.dim}, start(s)),
        norm(work, s.dim),
        logits(work, {s.levels, resolve("level_heads", "vocab", Vocab, s.vocab), s.dim}, start(s)),
        logits_bias(work, {s.levels, s.vocab}, start(s)) {}

  auto operator()(context<Exec> auto& ctx, tensor_of<axes::rows<>, width> auto const& x, std::vector<index> const& offsets) const {
    auto const h = norm(ctx, ops::grouped_linear<width>(ctx, x, head, head_bias, offsets));  // (rows, dim)
    if constexpr (verbs::counting<Exec>) ctx.exec().counts->logit_rows += h.rows();
    return ops::grouped_linear<axes::vocab<Vocab>>(ctx, h, logits, logits_bias, offsets);  // (rows, vocab)
  }

  /// The embedding of every level, which heads are put upon.
  /// @shape x (..., dim)  returns (..., levels * dim)
  /// @see   soundstorm-pytorch: ConformerWrapper with return_embeddings, as 'b (n h) d'
  auto embeddings(context<Exec> auto& ctx, tensor_ending_in<width> auto const& x) const {
    index const levels = head.extent(0), dim = head.extent(1);
    auto const w = view<axes::out<>, axes::in<Dim>>(ctx.use(head), {levels * dim, dim});
    auto const b = view<axes::out<>>(ctx.use(head_bias), {levels * dim});
    return ops::linear<axes::dim<>>(ctx, x, w, b);  // (..., levels * dim)
  }
  /// The sum of the levels' embeddings: one product for all levels, since the sum of linear maps is one.
  /// @shape x (..., dim)  returns (..., dim)
  auto summed(context<Exec> auto& ctx, tensor_ending_in<width> auto const& x) const {
    index const levels = head.extent(0), dim = head.extent(1);
    auto const w = ops::sum_levels(ctx, head);                                     // (out, in)
    auto const b = ops::sum_levels(ctx, view<axes::levels<>, axes::out<>, axes::in<>>(ctx.use(head_bias), {levels, dim, 1}));  // (out, 1)
    return ops::linear<width>(ctx, x, w, view<axes::out<>>(b, {dim}));                                                         // (..., dim)
  }
  /// One number for each level: a linear map of the levels' embeddings, without making them.
  /// @math  y_l = w (head_l x + head_bias_l) + b = (w head_l) x + (w head_bias_l + b)
  /// @shape x (..., dim)  weight (1, dim)  bias (1)  returns (..., levels)
  auto scored(context<Exec> auto& ctx, tensor_ending_in<width> auto const& x, auto const& weight, auto const& bias) const {
    index const levels = head.extent(0), dim = head.extent(1);
    auto const w = ops::contract_heads(ctx, head, view<axes::out<>>(ctx.eval(weight), {dim}));  // (levels, in)
    auto const b = ops::linear<axes::dim<>>(ctx, view<axes::levels<>, axes::dim<>>(ctx.use(head_bias), {levels, dim}), weight, bias);  // (levels, 1)
    return ops::linear<axes::levels<>>(ctx, x, w, view<axes::levels<>>(b, {levels}));  // (..., levels)
  }

  static void visit(auto& self, auto&& each) {
    each("head", self.head);
    each("head_bias", self.head_bias);
    each("norm", self.norm);
    each("logits", self.logits);
    each("logits_bias", self.logits_bias);
  }

 private:
  static initialiser start(head_sizes s) { return initialiser::uniform(1 / std::sqrt(static_cast<double>(std::max<index>(s.dim, 1)))); }
};

}  // namespace SPEARSTORM_NS::nn
