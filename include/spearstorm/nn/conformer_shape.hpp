#pragma once
// The sizes of a conformer: the template argument where they are known, the constructor's argument where they are not.

#include "spearstorm/nn/size.hpp"

namespace SPEARSTORM_NS {

/// Fields and defaults of soundstorm-pytorch's Conformer; every size may be `dynamic` in a template argument.
struct conformer_shape {
  index dim = 512;
  index depth = 12;
  index dim_head = 64;
  index heads = 8;
  index ff_mult = 4;
  index conv_expansion_factor = 2;
  index conv_kernel_size = 31;
  bool conv_causal = false;
  bool t5_rel_pos_bias = false;  ///< else rotary

  friend constexpr bool operator==(conformer_shape const&, conformer_shape const&) = default;
};

/// All sizes come with the constructor: one compiled program for checkpoints of any shape.
inline constexpr conformer_shape dynamic_conformer{.dim = dynamic,
                                                   .depth = dynamic,
                                                   .dim_head = dynamic,
                                                   .heads = dynamic,
                                                   .ff_mult = dynamic,
                                                   .conv_expansion_factor = dynamic,
                                                   .conv_kernel_size = dynamic};

/// What is drawn or dropped at run time; soundstorm-pytorch's names.
struct conformer_options {
  double attn_dropout = 0;  ///< of what attention adds to the stream; departs from soundstorm-pytorch, which drops attention weights
  double ff_dropout = 0;
  double conv_dropout = 0;
};

namespace nn {

/// @throws shape_error where a run-time size contradicts the type, value_error where one is below 1 or dim_head is odd under rotary
inline conformer_shape resolve(conformer_shape const& fixed, conformer_shape const& given) {
  resolve("conformer", "dim", fixed.dim, given.dim);
  resolve("conformer", "depth", fixed.depth, given.depth);
  resolve("conformer", "dim_head", fixed.dim_head, given.dim_head);
  resolve("conformer", "heads", fixed.heads, given.heads);
  resolve("conformer", "ff_mult", fixed.ff_mult, given.ff_mult);
  resolve("conformer", "conv_expansion_factor", fixed.conv_expansion_factor, given.conv_expansion_factor);
  resolve("conformer", "conv_kernel_size", fixed.conv_kernel_size, given.conv_kernel_size);
  if (!given.t5_rel_pos_bias && given.dim_head % 2 != 0)
    fail<value_error>("conformer: dim_head = ", given.dim_head, ", rotary expects an even one");
  return given;
}

}  // namespace nn
}  // namespace SPEARSTORM_NS
