#pragma once
// The sizes of a conformer: the template argument where they are known, the constructor's argument where they are not.

#include "spearstorm/nn/size.hpp"

namespace SPEARSTORM_NS {

/// How later blocks mix the first block's attention values into theirs (Zhou et al. 2024, arXiv 2410.17897).
enum class value_residual {
  none,     ///< soundstorm-pytorch 0.4.11, and the paper
  average,  ///< half and half; soundstorm-pytorch 0.5.0
  learned,  ///< by a gate per frame and head; soundstorm-pytorch 0.6.1
};

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
  bool t5_rel_pos_bias = false;      ///< else rotary
  bool use_gateloop_layers = false;  ///< departs from soundstorm-pytorch 0.4.11 and 0.5.0, whose Conformer has them on
  index num_residual_streams = 1;    ///< above 1: hyper-connections (Zhu et al. 2024, arXiv 2409.19606); soundstorm-pytorch 0.6.1 has 4
  value_residual values = value_residual::none;

  friend constexpr bool operator==(conformer_shape const&, conformer_shape const&) = default;
};

/// All sizes come with the constructor: one compiled program for checkpoints of any shape.
inline constexpr conformer_shape dynamic_conformer{.dim = dynamic,
                                                   .depth = dynamic,
                                                   .dim_head = dynamic,
                                                   .heads = dynamic,
                                                   .ff_mult = dynamic,
                                                   .conv_expansion_factor = dynamic,
                                                   .conv_kernel_size = dynamic,
                                                   .num_residual_streams = dynamic};

/// What is drawn or dropped at run time; soundstorm-pytorch's names.
struct conformer_options {
  double attn_dropout = 0;  ///< of what attention adds to the stream; departs from soundstorm-pytorch, which drops attention weights
  double ff_dropout = 0;
  double conv_dropout = 0;
  bool recompute = false;  ///< of a block keep only its input, and run it again on the way back: less memory, a third more time
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
  resolve("conformer", "num_residual_streams", fixed.num_residual_streams, given.num_residual_streams);
  if (!given.t5_rel_pos_bias && given.dim_head % 2 != 0)
    fail<value_error>("conformer: dim_head = ", given.dim_head, ", rotary expects an even one");
  if (given.use_gateloop_layers && given.num_residual_streams > 1)
    fail<value_error>("conformer: use_gateloop_layers with num_residual_streams = ", given.num_residual_streams,
                      ", expected 1: no generation of the package has both");
  return given;
}

}  // namespace nn
}  // namespace SPEARSTORM_NS
