#pragma once
// The sizes of a SPEAR-TTS transformer.

#include "spearstorm/nn/size.hpp"

namespace SPEARSTORM_NS {

/// Fields and defaults of spear-tts-pytorch's Transformer; every size may be `dynamic` in a template argument.
struct transformer_shape {
  index dim = 512;
  index depth = 6;
  index dim_head = 64;
  index heads = 8;
  index kv_heads = 0;  ///< heads of keys and values in self-attention, shared by query heads; 0: as many as heads
  index ff_mult = 4;   ///< of a feed-forward with gates: its inner size is dim * ff_mult * 2 / 3
  bool causal = false;
  bool cross_attend = false;

  constexpr index inner() const { return nn::times(heads, dim_head); }
  constexpr index key_inner() const { return kv_heads == 0 ? inner() : nn::times(kv_heads, dim_head); }
  constexpr index ff_inner() const { return dim == dynamic || ff_mult == dynamic ? dynamic : dim * ff_mult * 2 / 3; }

  friend constexpr bool operator==(transformer_shape const&, transformer_shape const&) = default;
};

/// What is dropped at run time; spear-tts-pytorch's names.
struct transformer_options {
  double attn_dropout = 0;  ///< of what attention adds to the stream; departs from spear-tts-pytorch, which drops attention weights
  double ff_dropout = 0;
  bool recompute = false;  ///< of a layer keep only its input, and run it again on the way back: less memory, a third more time
};

namespace nn {

/// @throws shape_error where the two contradict, value_error where a size is out of range
inline transformer_shape resolve(transformer_shape const& fixed, transformer_shape const& given) {
  resolve("transformer", "dim", fixed.dim, given.dim);
  resolve("transformer", "depth", fixed.depth, given.depth);
  resolve("transformer", "dim_head", fixed.dim_head, given.dim_head);
  resolve("transformer", "heads", fixed.heads, given.heads);
  resolve("transformer", "ff_mult", fixed.ff_mult, given.ff_mult);
  index const own = given.kv_heads == 0 ? given.heads : given.kv_heads, typed = fixed.kv_heads == 0 ? fixed.heads : fixed.kv_heads;
  resolve("transformer", "kv_heads", typed, own);
  if (given.heads % own != 0) fail<value_error>("transformer: kv_heads = ", own, ", expected a number that divides heads = ", given.heads);
  if (given.dim_head % 2 != 0) fail<value_error>("transformer: dim_head = ", given.dim_head, ", rotary expects an even one");
  if (given.ff_inner() < 1)
    fail<value_error>("transformer: dim * ff_mult * 2 / 3 = ", given.ff_inner(), " of dim = ", given.dim, ", expected 1 or more");
  return given;
}

}  // namespace nn
}  // namespace SPEARSTORM_NS
