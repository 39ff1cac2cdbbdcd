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

/// @see soundstorm-pytorch: ConformerWrapper
template <soundstorm_shape C, execution_policy Exec>
struct network {
  static constexpr index codes_with_mask = C.codebook_size == dynamic ? dynamic : C.codebook_size + 1;
  using width = axes::dim<C.body.dim>;
  using table = axes::vocab<nn::times(C.num_quantizers, codes_with_mask)>;

  soundstorm_shape shape;
  parameter<Exec, table, width> code_embeds;
  spearstorm::conformer<C.body, Exec> conformer;
  nn::level_heads<C.num_quantizers, C.body.dim, C.codebook_size, Exec> heads;

  explicit network(workspace<Exec>& work, soundstorm_shape const& c = C, conformer_options const& options = {})
      : shape{nn::resolve("soundstorm", "codebook_size", C.codebook_size, c.codebook_size),
              nn::resolve("soundstorm", "num_quantizers", C.num_quantizers, c.num_quantizers), nn::resolve(C.body, c.body)},
        code_embeds(work, {shape.num_quantizers * (shape.codebook_size + 1), shape.body.dim}, initialiser::normal(1)),
        conformer(work, shape.body, options),
        heads(work, {shape.num_quantizers, shape.body.dim, shape.codebook_size}) {}

  /// Features of every frame.
  /// @shape codes (batch, frames, levels)  mask (batch, frames)  returns (batch, frames, dim)
  auto trunk(context<Exec> auto& ctx, code_tensor const& codes, ops::frame_mask const& mask = {}) const {
    check_size("soundstorm", "codes", "levels", extent_of<axes::levels>(codes), "the network", shape.num_quantizers);
    auto const x = ops::embed_sum(ctx, code_embeds, codes, {.stride = shape.codebook_size + 1});  // (batch, frames, dim)
    return conformer(ctx, x, mask);                                                // (batch, frames, dim)
  }
  /// Logits of chosen positions, each of one level.
  /// @shape features (batch, frames, dim)  rows (rows), flat positions sorted by level  offsets (levels + 1)  returns (rows, vocab)
  auto logits(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& features, row_tensor const& rows,
              std::vector<index> const& offsets) const {
    return heads(ctx, ops::gather_rows(ctx, features, rows), offsets);             // (rows, vocab)
  }

  static void visit(auto& self, auto&& each) {
    each("code_embeds", self.code_embeds);
    each("conformer", self.conformer);
    each("heads", self.heads);
  }
};

}  // namespace SPEARSTORM_NS::soundstorm
