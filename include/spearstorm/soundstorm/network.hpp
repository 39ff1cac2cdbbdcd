#pragma once
// Codes in, logits of one level out: summed code embeddings, the conformer, heads per level.

#include "spearstorm/nn/conformer.hpp"
#include "spearstorm/nn/level_heads.hpp"
#include "spearstorm/ops/embed.hpp"
#include "spearstorm/ops/gather_rows.hpp"
#include "spearstorm/soundstorm/shape.hpp"

namespace SPEARSTORM_NS::soundstorm {

/// The tensor of codes that the network reads; id `codebook_size` is the mask of every level.
using code_tensor = tensor<std::int32_t, axes::batch<>, axes::frames<>, axes::levels<>>;
using row_tensor = tensor<std::int32_t, axes::rows<>>;

/// The offsets of rows that are all of one level, as `network::logits` wants them.
inline std::vector<index> offsets_of_level(index levels, index level, index rows) {
  std::vector<index> offsets(static_cast<std::size_t>(levels) + 1, 0);
  std::fill(offsets.begin() + level + 1, offsets.end(), rows);
  return offsets;
}

/// What a network may be given beside the codes.
template <soundstorm_shape C, execution_policy Exec>
struct trunk_inputs {
  using features = tensor<typename Exec::value_type, axes::batch<>, axes::frames<>, axes::dim<C.body.dim>>;

  ops::frame_mask mask{};                ///< (batch, frames), 1 for a real frame
  std::optional<features> cond{};        ///< (batch, frames, dim)  added to the codes' embeddings
  std::optional<features> sum_embeds{};  ///< (batch, frames, dim)  the same, of an earlier pass
};

/// @see soundstorm-pytorch: ConformerWrapper
template <soundstorm_shape C, execution_policy Exec>
struct network {
  static constexpr index codes_with_mask = C.codebook_size == dynamic ? dynamic : C.codebook_size + 1;
  using width = axes::dim<C.body.dim>;
  using table = axes::vocab<nn::times(C.levels(), codes_with_mask)>;
  using inputs = trunk_inputs<C, Exec>;

  soundstorm_shape shape;
  parameter<Exec, table, width> code_embeds;
  std::optional<nn::linear<dynamic, C.body.dim, Exec>> embedding_proj;  ///< of the groups' embeddings, side by side
  std::optional<nn::layer_norm<C.body.dim, Exec>> embedding_norm;
  spearstorm::conformer<C.body, Exec> conformer;
  nn::level_heads<C.levels(), C.body.dim, C.codebook_size, Exec> heads;

  explicit network(workspace<Exec>& work, soundstorm_shape const& c = C, conformer_options const& options = {})
      : shape(resolve(C, c)),
        code_embeds(work, {shape.levels() * (shape.codebook_size + 1), shape.body.dim}, initialiser::normal(1)),
        conformer(work, shape.body, options),
        heads(work, {shape.levels(), shape.body.dim, shape.codebook_size}) {
    if (shape.grouped_quantizers == 1) return;
    embedding_proj.emplace(work, nn::linear_sizes{shape.body.dim * shape.grouped_quantizers, shape.body.dim});
    embedding_norm.emplace(work, shape.body.dim);
  }

  /// Features of every frame.
  /// @shape codes (batch, frames, levels)  returns (batch, frames, dim)
  auto trunk(context<Exec> auto& ctx, code_tensor const& codes, inputs const& with) const {
    check_size("soundstorm", "codes", "levels", extent_of<axes::levels>(codes), "the network", shape.levels());
    auto x = embedded(ctx, codes);                                                 // (batch, frames, dim)
    if (with.sum_embeds) x = ctx.eval(x + *with.sum_embeds);                       // (batch, frames, dim)
    if (with.cond) x = ctx.eval(x + *with.cond);                                   // (batch, frames, dim)
    return conformer(ctx, x, with.mask);                                           // (batch, frames, dim)
  }
  auto trunk(context<Exec> auto& ctx, code_tensor const& codes, ops::frame_mask const& mask = {}) const {
    return trunk(ctx, codes, inputs{.mask = mask});
  }
  /// Logits of chosen positions, each of one level.
  /// @shape features (batch, frames, dim)  rows (rows), flat positions sorted by level  offsets (levels + 1)  returns (rows, vocab)
  auto logits(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& features, row_tensor const& rows,
              std::vector<index> const& offsets) const {
    return heads(ctx, ops::gather_rows(ctx, features, rows), offsets);             // (rows, vocab)
  }

  static void visit(auto& self, auto&& each) {
    each("code_embeds", self.code_embeds);
    each("embedding_proj", self.embedding_proj);
    each("embedding_norm", self.embedding_norm);
    each("conformer", self.conformer);
    each("heads", self.heads);
  }

 private:
  auto embedded(context<Exec> auto& ctx, code_tensor const& codes) const {
    index const groups = shape.grouped_quantizers;
    auto const sums = ops::embed_sum(ctx, code_embeds, codes, {.stride = shape.codebook_size + 1, .groups = groups});  // (batch, frames, groups * dim)
    if (groups == 1) return view<axes::batch<>, axes::frames<>, width>(sums);      // (batch, frames, dim)
    auto const x = (*embedding_norm)(ctx, (*embedding_proj)(ctx, sums));           // (batch, frames, dim)
    return view<axes::batch<>, axes::frames<>, width>(x);
  }
};

}  // namespace SPEARSTORM_NS::soundstorm
