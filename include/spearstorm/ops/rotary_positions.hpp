#pragma once
// Rotary embedding of frames that stand anywhere: the new frames of each row of a decoder. The angles are made once a step, for all layers.

#include "spearstorm/ops/ids.hpp"
#include "spearstorm/ops/rotary.hpp"

namespace SPEARSTORM_NS::ops {

/// Row r: cosines and sines of the angles of position r, as `rotary_table_row` makes them of frame r.
template <class T>
struct rotary_positions_row {
  std::int32_t const* positions;
  T *cosines, *sines;
  index half;
  double log_theta;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    Lanes::each_position(half, [&](index i) {
      double const angle = static_cast<double>(positions[row]) * exp(-log_theta * static_cast<double>(i) / static_cast<double>(half));
      cosines[row * half + i] = static_cast<T>(cos(angle));
      sines[row * half + i] = static_cast<T>(sin(angle));
    });
  }
};

/// Cosines and sines of the angles of each position and pair of features.
template <class T>
struct rotary_angles {
  tensor<T, axes::batch<>, axes::frames<>, axes::dim<>> cosines, sines;            // (batch, frames, dim_head / 2)
};

/// @shape positions (batch, frames)  returns twice (batch, frames, dim_head / 2)
/// @math  angle = position * theta^(-2 i / dim_head), in double
/// @throws value_error where dim_head is odd or below 2, theta <= 0, or a position is negative (a device looks in anomaly mode only)
auto rotary_positions(context_like auto& ctx, tensor<std::int32_t, axes::batch<>, axes::frames<>> const& positions, index dim_head,
                      double theta = rotary_options{}.theta) {
  using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
  static_assert(!std::remove_reference_t<decltype(ctx)>::is_recording,
                "spearstorm: rotary_positions: positions are given in inference contexts only; use rotary");
  auto const at = ctx.eval(positions);
  if (dim_head < 2 || dim_head % 2 != 0) fail<value_error>("rotary_positions: dim_head = ", dim_head, ", expected an even number");
  if (!(theta > 0)) fail<value_error>("rotary_positions: theta = ", theta, ", expected more than 0");
  detail::check_ids(ctx, "rotary_positions", "positions", at, index{1} << 31);
  index const half = dim_head / 2;
  T *const cosines = ctx.template allocate<T>(at.size() * half), *const sines = ctx.template allocate<T>(at.size() * half);
  verbs::each_row<T>(ctx.exec(), at.size(), 50 * half, rotary_positions_row<T>{at.data(), cosines, sines, half, log(theta)});
  using list = axis_list<axes::batch<>, axes::frames<>, axes::dim<>>;
  sizes<3> const extents{at.extent(0), at.extent(1), half};
  return rotary_angles<T>{ctx.template wrap<list>(cosines, extents), ctx.template wrap<list>(sines, extents)};
}

/// `rotary` for frames at the positions that the angles were made of: the same bits as there.
/// @shape x (batch, frames, dim = heads * dim_head)  returns (batch, frames, dim)
/// @param interleaved as in rotary_options
/// @throws shape_error where the angles are of other sizes
template <class T>
auto rotary_at(context_like auto& ctx, operand_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& x, rotary_angles<T> const& angles,
               index heads, bool interleaved = false) {
  auto const xs = ctx.eval(x);
  auto const cosines = ctx.eval(angles.cosines);
  if (heads < 1) fail<value_error>("rotary_at: heads = ", heads, ", expected at least 1");
  check_size("rotary_at", "input", "batch", xs.extent(0), "the angles", cosines.extent(0));
  check_size("rotary_at", "input", "frames", xs.extent(1), "the angles", cosines.extent(1));
  check_size("rotary_at", "input", "dim", xs.cols(), "the angles", 2 * heads * cosines.cols());
  T* const y = ctx.template allocate<T>(xs.size());
  index const half = cosines.cols(), frames = xs.rows();  // rows of all examples: each has angles of its own
  verbs::each_row<T>(ctx.exec(), frames * heads, 2 * half,
                     rotary_row<T>{xs.data(), cosines.data(), ctx.eval(angles.sines).data(), y, frames, heads, half, T(1), interleaved});
  return ctx.template wrap<typename decltype(xs)::axes_type>(y, xs.extents());
}

}  // namespace SPEARSTORM_NS::ops
