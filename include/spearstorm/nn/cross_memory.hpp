#pragma once
// What a decoder's cross-attention reads: the keys and values of every layer, projected once, however many tokens, beams and guided rows
// read them.

#include "spearstorm/nn/transformer.hpp"
#include "spearstorm/ops/attend_blocks.hpp"

namespace SPEARSTORM_NS::nn {

/// Which rows of a decoder read which example, and how much of it, in the memory of a context.
struct cross_step {
  tensor<std::int32_t, axes::batch<>, axes::blocks<>> table;                       // (rows, blocks)
  tensor<std::int32_t, axes::batch<>> counts;                                      // (rows)
};

/// Lives as long as the context it was made in. Long sources are read in parts of `block_frames` keys, which run side by side.
template <transformer_shape C, execution_policy Exec>
class cross_memory {
 public:
  using value_type = typename Exec::value_type;
  using stored_type = cached_of<Exec>;  ///< what attention multiplies
  static constexpr index block_frames = 32;

  /// @shape context (batch, context frames, dim)
  /// @cost  4 batch frames dim inner FLOPs a layer, once
  /// @throws value_error where the transformer has no cross-attention
  cross_memory(context<Exec> auto& ctx, transformer<C, Exec> const& net,
               tensor_of<axes::batch<>, axes::frames<>, axes::dim<C.dim>> auto const& context)
      : batch_(context.extent(0)), frames_(context.extent(1) + 1), dim_(net.shape.inner()) {
    if (!net.shape.cross_attend) fail<value_error>("cross_memory: the transformer has cross_attend = false, expected true");
    for (auto const& layer : net.layers) {
      keys_.push_back(stored(ctx, layer.cross_attn->keys(ctx, context)));
      values_.push_back(stored(ctx, layer.cross_attn->values(ctx, context)));
    }
  }

  index batch() const { return batch_; }
  index frames() const { return frames_; }  ///< keys of an example, the null key included

  /// @param example of each row  @param counts keys that each row sees, the null key first: 1 + the source's length, or 1 where it is hidden
  /// @throws shape_error, value_error where a row reads what is not there
  cross_step step(context<Exec> auto& ctx, std::span<index const> example, std::span<index const> counts) const {
    auto const rows = static_cast<index>(example.size()), blocks = (frames_ + block_frames - 1) / block_frames;
    check_size("cross_memory", "counts", "rows", static_cast<index>(counts.size()), "examples", rows);
    array<std::int32_t, axes::batch<>, axes::blocks<>> table({rows, blocks});
    array<std::int32_t, axes::batch<>> seen({rows});
    for (index r = 0; r < rows; ++r) {
      index const at = example[static_cast<std::size_t>(r)], count = counts[static_cast<std::size_t>(r)];
      check_range<index>("cross_memory", "the example of a row", at, 0, batch_ - 1);
      check_range<index>("cross_memory", "the keys that a row sees", count, 1, frames_);
      for (index i = 0; i < blocks; ++i) table(r, i) = static_cast<std::int32_t>(at * frames_ + i * block_frames);
      seen(r) = static_cast<std::int32_t>(count);
    }
    return {ctx.upload(table), ctx.upload(seen)};
  }

  /// What the rows see of a layer's source.
  /// @shape q (batch, frames, dim)  returns (batch, frames, dim)
  auto attend(context<Exec> auto& ctx, auto const& q, index layer, cross_step const& at, index heads) const {
    auto const windows = [&](auto const& of) {
      return ops::as_windows(ctx.eval(of[static_cast<std::size_t>(layer)]).data(), batch_ * frames_, block_frames, dim_);
    };
    return ops::attend_blocks(ctx, q, windows(keys_), windows(values_), at.table, at.counts, {.heads = heads, .causal = false});
  }

 private:
  using rows = tensor<stored_type, axes::batch<>, axes::frames<>, axes::dim<>>;
  static rows stored(context<Exec> auto& ctx, auto const& x) {
    auto const made = view<axes::batch<>, axes::frames<>, axes::dim<>>(x);
    if constexpr (std::is_same_v<stored_type, value_type>) {
      return made;
    } else {
      auto* const to = ctx.template allocate<stored_type>(made.size());
      verbs::convert(ctx.exec(), made.data(), to, made.size());
      return ctx.template wrap<typename rows::axes_type>(to, made.extents());
    }
  }
  std::vector<rows> keys_, values_;                                                // (batch, 1 + context frames, inner)
  index batch_, frames_, dim_;
};

}  // namespace SPEARSTORM_NS::nn
