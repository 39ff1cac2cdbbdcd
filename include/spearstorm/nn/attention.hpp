#pragma once
// Multi-head self-attention with rotary positions or a relative bias.

#include "spearstorm/nn/conformer_shape.hpp"
#include "spearstorm/nn/layer_norm.hpp"
#include "spearstorm/nn/onto_stream.hpp"
#include "spearstorm/ops/attend.hpp"
#include "spearstorm/ops/linear_rotary.hpp"

namespace SPEARSTORM_NS::nn {

/// What later blocks mix into their values: the first block's; empty before it has run.
template <conformer_shape C, execution_policy Exec>
using first_values = std::optional<tensor<typename Exec::value_type, axes::batch<>, axes::frames<>, axes::dim<times(C.heads, C.dim_head)>>>;

/// @shape x (batch, frames, dim)  mask (batch, frames), 1 for a real key  bias (heads, offsets)  returns (batch, frames, dim), without the residual
/// @math  values = v + mix (v_first - v),  mix = 1/2, or sigmoid(W norm(x)) for each head
/// @see   soundstorm-pytorch: PreNorm(Attention);  Zhou et al. 2024 for the value residual
template <conformer_shape C, execution_policy Exec>
struct attention {
  static constexpr index inner = times(C.heads, C.dim_head);
  using width = axes::dim<C.dim>;
  using value_type = typename Exec::value_type;

  nn::layer_norm<C.dim, Exec> norm;
  nn::linear<C.dim, inner, Exec> to_q, to_k, to_v;
  nn::linear<inner, C.dim, Exec> to_out;
  std::optional<nn::linear<C.dim, C.heads, Exec>> to_value_residual_mix;
  index heads;
  bool rotary, shares_values;
  double dropout;

  /// @param first the first block of its trunk: it has no values before it to mix in
  explicit attention(workspace<Exec>& work, conformer_shape const& c = C, double rate = 0, bool first = true)
      : norm(work, c.dim),
        to_q(work, {c.dim, c.heads * c.dim_head, false}),
        to_k(work, {c.dim, c.heads * c.dim_head, false}),
        to_v(work, {c.dim, c.heads * c.dim_head, false}),
        to_out(work, {c.heads * c.dim_head, c.dim}),
        heads(c.heads),
        rotary(!c.t5_rel_pos_bias),
        shares_values(c.values != value_residual::none),
        dropout(rate) {
    if (c.values == value_residual::learned && !first) to_value_residual_mix.emplace(work, linear_sizes{c.dim, c.heads, false});
  }

  /// @param values the first block's: set where empty, else mixed in; untouched where the shape has no value residual
  /// @param bias   a tensor (heads, offsets), or nothing
  auto operator()(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x, ops::frame_mask const& mask,
                  first_values<C, Exec>& values, auto const&... bias) const {
    return ops::dropout(ctx, to_out(ctx, seen(ctx, x, mask, values, bias...)), dropout);  // (batch, frames, dim)
  }
  /// x + what the call returns.
  auto onto(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x, ops::frame_mask const& mask,
            first_values<C, Exec>& values, auto const&... bias) const {
    return onto_stream(ctx, to_out, seen(ctx, x, mask, values, bias...), dropout, ops::onto_measured(x));  // (batch, frames, dim)
  }
  /// Without a trunk around it.
  auto operator()(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x, ops::frame_mask const& mask = {},
                  operand auto const&... bias) const {
    first_values<C, Exec> none;
    return (*this)(ctx, x, mask, none, bias...);
  }

  static void visit(auto& self, auto&& each) {
    each("norm", self.norm);
    each("to_q", self.to_q);
    each("to_k", self.to_k);
    each("to_v", self.to_v);
    each("to_out", self.to_out);
    each("to_value_residual_mix", self.to_value_residual_mix);
  }

 private:
  /// What the heads see, before it is brought together.
  auto seen(context<Exec> auto& ctx, auto const& x, ops::frame_mask const& mask, first_values<C, Exec>& values, auto const&... bias) const {
    auto const h = norm.rows(ctx, x);                                              // (batch, frames, dim)
    auto const turn = rotary ? ops::make_rotary_table(ctx, h.extent(1), to_q.weight.extent(0) / heads) : ops::rotary_table<value_type>{};
    auto const turned = [&](auto const& to) { return rotary ? ops::linear_rotary<axes::dim<inner>>(ctx, h, to.weight, turn) : to(ctx, h); };
    auto const q = turned(to_q);                                                   // (batch, frames, heads * dim_head)
    auto const k = turned(to_k);                                                   // (batch, frames, heads * dim_head)
    auto v = view<axes::batch<>, axes::frames<>, axes::dim<inner>>(to_v(ctx, h));  // (batch, frames, heads * dim_head)
    if (shares_values && values) v = mixed(ctx, h, v, *values);                    // (batch, frames, heads * dim_head)
    if (shares_values && !values) values = v;
    return ops::attend(ctx, q, k, v, bias..., {.heads = heads, .keys = mask});     // (batch, frames, heads * dim_head)
  }
  auto mixed(context<Exec> auto& ctx, auto const& h, auto const& v, auto const& first) const {
    using namespace axes;
    if (!to_value_residual_mix) return ctx.eval(0.5 * (v + first));                // (batch, frames, heads * dim_head)
    sizes<4> const by_head{v.extent(0), v.extent(1), heads, v.cols() / heads};
    auto const own = view<batch<>, frames<>, axes::heads<>, dim<>>(v, by_head);    // (batch, frames, heads, dim_head)
    auto const before = view<batch<>, frames<>, axes::heads<>, dim<>>(first, by_head);  // (batch, frames, heads, dim_head)
    auto const gate = view<batch<>, frames<>, axes::heads<>>((*to_value_residual_mix)(ctx, h));  // (batch, frames, heads)
    auto const y = ctx.eval(own + sigmoid(gate) * (before - own));                 // (batch, frames, heads, dim_head)
    return view<batch<>, frames<>, dim<inner>>(y, v.extents());                    // (batch, frames, heads * dim_head)
  }
};

}  // namespace SPEARSTORM_NS::nn
