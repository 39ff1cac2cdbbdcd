#pragma once
// From features to the logits of one level: each level has its own head and its own logits, one norm is shared.

#include <cmath>

#include "spearstorm/nn/layer_norm.hpp"
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
