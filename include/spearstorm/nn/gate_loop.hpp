#pragma once
// A recurrence over frames whose gates are learned: what a conformer may have beside attention.

#include "spearstorm/nn/layer_norm.hpp"
#include "spearstorm/nn/linear.hpp"
#include "spearstorm/nn/rms_norm.hpp"
#include "spearstorm/ops/gate_loop.hpp"

namespace SPEARSTORM_NS::nn {

/// SimpleGateLoopLayer's names and defaults; its ways to compute the scan (use_heinsen, use_jax_associative_scan) are one here.
struct gate_loop_options {
  bool prenorm = true, post_ln = false, reverse = false;
};

/// @shape x (batch, frames, dim)  mask (batch, frames), 1 for a real frame  returns (batch, frames, dim), without the residual
/// @math  q, kv, a = W norm(x),  h_t = sigmoid(a_t) h_t-1 + kv_t,  y_t = q_t h_t
/// @see   gateloop_transformer: SimpleGateLoopLayer, whose to_qkva is the rows of to_q, to_kv and to_a under each other
template <index Dim, execution_policy Exec>
struct gate_loop {
  using width = axes::dim<Dim>;
  using state = tensor<typename Exec::value_type, axes::batch<>, width>;

  std::optional<nn::rms_norm<Dim, Exec>> norm;
  nn::linear<Dim, Dim, Exec> to_q, to_kv, to_a;
  std::optional<nn::layer_norm<Dim, Exec>> post_ln;
  bool reverse;

  explicit gate_loop(workspace<Exec>& work, index dim = Dim, gate_loop_options o = {})
      : to_q(work, {resolve("gate_loop", "dim", Dim, dim), dim, false}),
        to_kv(work, {dim, dim, false}),
        to_a(work, {dim, dim, false}),
        reverse(o.reverse) {
    if (o.prenorm) norm.emplace(work, dim);
    if (o.post_ln) post_ln.emplace(work, dim);
  }

  auto operator()(context<Exec> auto& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x,
                  ops::frame_mask const& mask = {}) const {
    auto const h = normed(ctx, x);                                                 // (batch, frames, dim)
    return finished(ctx, ops::gate_loop(ctx, to_q(ctx, h), to_kv(ctx, h), to_a(ctx, h, sigmoid), {.reverse = reverse, .mask = mask}));
  }

  struct stepped {
    tensor<typename Exec::value_type, axes::batch<>, axes::frames<>, width> y;
    gate_loop::state state;
  };
  /// The next frames of a sequence: y for them, and the state for those that follow.
  /// @param before the state that the last call gave; nothing at the start
  /// @throws value_error where the layer runs from the last frame to the first
  stepped step(inference<Exec>& ctx, tensor_of<axes::batch<>, axes::frames<>, width> auto const& x,
               std::optional<state> const& before = {}) const {
    if (reverse) fail<value_error>("gate_loop: a cached step with reverse = true, expected false: the last frame comes first");
    auto const h = normed(ctx, x);                                                 // (batch, frames, dim)
    auto const q = to_q(ctx, h), kv = to_kv(ctx, h), a = to_a(ctx, h, sigmoid);    // (batch, frames, dim)
    auto const made = ops::gate_loop_step(ctx, q, kv, a, before ? *before : zeros(ctx, h.extent(0), h.cols()));
    return {finished(ctx, made.y), made.state};
  }

  static void visit(auto& self, auto&& each) {
    each("norm", self.norm);
    each("to_q", self.to_q);
    each("to_kv", self.to_kv);
    each("to_a", self.to_a);
    each("post_ln", self.post_ln);
  }

 private:
  auto normed(context<Exec> auto& ctx, auto const& x) const {
    auto const h = view<axes::batch<>, axes::frames<>, width>(ctx.eval(x));        // (batch, frames, dim)
    return norm ? (*norm)(ctx, h) : h;
  }
  auto finished(context<Exec> auto& ctx, auto const& y) const { return post_ln ? (*post_ln)(ctx, y) : y; }
  static state zeros(inference<Exec>& ctx, index batch, index dim) {
    using T = typename Exec::value_type;
    T* const made = ctx.template allocate<T>(batch * dim);
    verbs::fill(ctx.exec(), made, batch * dim, T(0));
    return ctx.template wrap<typename state::axes_type>(made, sizes<2>{batch, dim});
  }
};

}  // namespace SPEARSTORM_NS::nn
