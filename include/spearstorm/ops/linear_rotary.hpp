#pragma once
// Queries and keys: a product whose heads turn with the frame, in place, while the row is warm.

#include "spearstorm/ops/linear.hpp"
#include "spearstorm/ops/rotary.hpp"

namespace SPEARSTORM_NS::ops {

/// Cosines and sines for heads of 2 * half features, (frames, half) each.
template <class T>
struct rotary_table {
  T const *cosines, *sines;
  index frames, half;
  bool interleaved;
};

/// The angles of `frames` frames, for the products of one context that share them: queries and keys, which may differ in heads.
/// @param options its heads are not used
/// @throws value_error where dim_head is not even and positive, or theta <= 0
template <context_like Ctx>
auto make_rotary_table(Ctx& ctx, index frames, index dim_head, rotary_options const& options = {}) {
  using T = typename Ctx::value_type;
  if (dim_head < 2 || dim_head % 2 != 0) fail<value_error>("rotary: dim_head = ", dim_head, ", expected an even number above 0");
  if (!(options.theta > 0)) fail<value_error>("rotary: theta = ", options.theta, ", expected more than 0");
  index const half = dim_head / 2;
  T* const cosines = ctx.template allocate<T>(2 * frames * half);
  T* const sines = cosines + frames * half;
  fill_rotary_table(ctx.exec(), frames, half, options.theta, cosines, sines);
  return rotary_table<T>{cosines, sines, frames, half, options.interleaved};
}

/// All heads of a row, in place.
template <class T>
struct turn_whole_row {
  rotary_row<T> turn;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes lanes, index row) const {
    for (index h = 0; h < turn.heads; ++h) turn(lanes, row * turn.heads + h);
  }
};

struct linear_rotary_op {
  static constexpr char const* name = "linear_rotary";

  template <class T, class X = T const*>
  struct saved {
    X x;
    T const* w;
    rotary_table<T> table;
    index rows, in, out;
    index heads() const { return out / (2 * table.half); }
    rotary_row<T> turn(T const* from, T* to, T direction) const {
      return {from, table.cosines, table.sines, to, table.frames, heads(), table.half, direction, table.interleaved};
    }
  };

  template <class OutAxis>
  static auto forward(context_like auto& ctx, auto const& x, auto const& w, auto const& table, std::type_identity<OutAxis>) {
    using context_type = std::remove_reference_t<decltype(ctx)>;
    using T = typename context_type::value_type;
    index const rows = x.rows(), in = x.cols(), out = w.extent(0);
    T* const y = ctx.template allocate<T>(rows * out);
    auto const call = detail_rows::layer_call(rows, in, out);
    auto const from = detail_rows::factor_of(x);
    saved<T, decltype(detail_rows::factor_of(x))> const kept{from, w.data(), table, rows, in, out};
    auto const turn = kept.turn(y, y, T(1));
    if constexpr (verbs::fuses_rows<typename context_type::exec_type>) {
      detail_rows::product(ctx.exec(), call, from, w.data(), y, backend::nothing_more{}, turn_whole_row<T>{turn});
    } else {
      detail_rows::product(ctx.exec(), call, from, w.data(), y);
      verbs::each_row<T>(ctx.exec(), rows * turn.heads, 2 * turn.half, turn);
    }
    return std::pair{detail_rows::wrap_outputs<OutAxis>(ctx, x, y, out), kept};
  }

  template <class T, class X>
  static void adjoint(auto& back, saved<T, X> const& s, T const* dy) {
    T* const dz = back.template scratch<T>(s.rows * s.out);
    verbs::each_row<T>(back.exec(), s.rows * s.heads(), 2 * s.table.half, s.turn(dy, dz, T(-1)));
    if (T* const dx = back.result(0, s.rows * s.in)) detail_rows::input_gradient(back.exec(), s.rows, s.in, s.out, 1, dz, s.w, dx);
    if (T* const dw = back.result(1, s.out * s.in)) detail_rows::weight_gradient(back.exec(), s.rows, s.in, s.out, 1, dz, s.x, dw);
  }
};

/// rotary(linear(x)), without a bias, in one op: what is not turned is not stored.
/// @shape x (batch, frames, in)  weight (out = heads * dim_head, in)  returns (batch, frames, OutAxis)
/// @math  as linear and rotary
/// @cost  2 rows in out FLOPs forward, twice that backward; recording keeps x and the table
/// @throws shape_error where weight does not fit the input, or its outputs the table's heads, or the table was made for other frames
template <class OutAxis = axes::dim<>, class T>
auto linear_rotary(context_like auto& ctx, row_operand auto const& x, operand auto const& weight, rotary_table<T> const& table) {
  auto const xs = detail_rows::input_of(ctx, x);
  auto const w = ctx.eval(weight);
  static_assert(decltype(xs)::rank == 3, "spearstorm: linear_rotary: x is (batch, frames, in)");
  check_size("linear_rotary", "input", last_axis<typename decltype(xs)::axes_type>::name, xs.cols(), "weight", w.extent(1));
  check_size("linear_rotary", "input", "frames", xs.extent(1), "the table", table.frames);
  if (w.extent(0) % (2 * table.half) != 0)
    fail<shape_error>("linear_rotary: weight has out = ", w.extent(0), ", heads of ", 2 * table.half, " features expect a multiple of it");
  return record<linear_rotary_op>(ctx, std::tuple{xs, w}, table, std::type_identity<OutAxis>{});
}

}  // namespace SPEARSTORM_NS::ops
