#pragma once
// A few new frames through some of a decoder's layers: keys and values go into the cache, so that no layer sees a frame twice.

#include "spearstorm/nn/cross_memory.hpp"
#include "spearstorm/nn/kv_cache.hpp"
#include "spearstorm/ops/rotary_positions.hpp"

namespace SPEARSTORM_NS::nn {

/// Where the new frames of a step stand, made once for all layers.
template <class T>
struct decoder_step {
  kv_step own;
  ops::rotary_angles<T> angles;
  cross_step cross;
};

/// @param first, last  layers first ... last - 1, counted from 0. What layers 0 ... e - 1 left is what layers e ... depth - 1 go on from:
///                     an early exit's work is not done again when its draft is verified
/// @shape x (batch, new frames, dim)  returns the same, without the final norm
/// @cost  per frame the layers' products once, and attention to the keys so far
/// @throws value_error where there are no such layers
template <transformer_shape C, execution_policy Exec>
auto run_layers(inference<Exec>& ctx, transformer<C, Exec> const& net,
                tensor_of<axes::batch<>, axes::frames<>, axes::dim<C.dim>> auto const& x, kv_cache<Exec>& cache,
                cross_memory<C, Exec> const& memory, decoder_step<typename Exec::value_type> const& at, index first, index last) {
  using width = axes::dim<C.dim>;
  check_range<index>("run_layers", "last", last, 0, net.shape.depth);
  check_range<index>("run_layers", "first", first, 0, last);
  auto h = view<axes::batch<>, axes::frames<>, width>(ctx.eval(x));                // (batch, frames, dim)
  for (index l = first; l < last; ++l) {
    auto const& layer = net.layers[static_cast<std::size_t>(l)];
    auto const& own = layer.attn;
    auto frame = ctx.frame();
    auto const n = own.norm(ctx, h);                                               // (batch, frames, dim)
    auto const q = ops::rotary_at(ctx, own.to_q(ctx, n), at.angles, own.heads, true);  // (batch, frames, heads * dim_head)
    auto const k = ops::rotary_at(ctx, own.to_k(ctx, n), at.angles, own.kv_heads, true);  // (batch, frames, kv_heads * dim_head)
    cache.write_(ctx, at.own, l, k, own.to_v(ctx, n));
    auto const seen = ops::attend_blocks(ctx, q, cache.keys(l), cache.values(l), at.own.table, at.own.counts,
                                         {.heads = own.heads, .kv_heads = own.kv_heads});  // (batch, frames, heads * dim_head)
    auto y = own.to_out(ctx, seen, ops::onto(h));                                  // (batch, frames, dim)
    auto const& cross = *layer.cross_attn;
    auto const source = memory.attend(ctx, cross.to_q(ctx, cross.norm(ctx, y)), l, at.cross, cross.heads);
    y = cross.to_out(ctx, source, ops::onto(y));                                   // (batch, frames, dim)
    h = frame.keep(layer.ff.onto(ctx, y));                                         // (batch, frames, dim)
  }
  return h;
}

/// The features of several steps as one tensor, so that they go on through the later layers together.
/// @shape each (batch, 1, dim)  returns (batch, steps, dim)
template <execution_policy Exec, class Features>
Features side_by_side(inference<Exec>& ctx, std::span<Features const> steps) {
  using T = typename Exec::value_type;
  if (steps.empty()) fail<value_error>("side_by_side: 0 steps, expected 1 or more");
  index const batch = steps[0].extent(0), dim = steps[0].cols(), count = static_cast<index>(steps.size());
  T* const made = ctx.template allocate<T>(batch * count * dim);
  for (index i = 0; i < count; ++i) {
    auto const step = ctx.eval(steps[static_cast<std::size_t>(i)]);
    check_size("side_by_side", "a step", "batch", step.extent(0), "the first", batch);
    check_size("side_by_side", "a step", "frames", step.extent(1), "side_by_side", 1);
    verbs::copy_rows(ctx.exec(), batch, dim, step.data(), dim, made + i * dim, count * dim);
  }
  return ctx.template wrap<typename Features::axes_type>(made, {batch, count, dim});
}

}  // namespace SPEARSTORM_NS::nn
