#pragma once
// Alignment regularisation: examples that are alike in the source shall be alike in the target.

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "spearstorm/ops/all_gather.hpp"
#include "spearstorm/ops/gather_rows.hpp"
#include "spearstorm/ops/linear.hpp"
#include "spearstorm/ops/pool_frames.hpp"
#include "spearstorm/ops/rms_norm.hpp"
#include "spearstorm/ops/sum.hpp"

namespace SPEARSTORM_NS::spear_tts {

/// Defaults of spear-tts-pytorch.
struct alignment_options {
  bool use_logsumexp_pool = true;    ///< else the maximum; align_reg_use_logsumexp_pool
  double logsumexp_pool_temp = 0.1;  ///< align_reg_logsumexp_pool_temp
};

namespace detail {

/// One vector of length 1 for each chosen example of every rank.
/// @shape x (batch, frames, dim)  returns (batch of all ranks, dim)
auto pooled_units(context_like auto& ctx, auto const& x, ops::frame_mask const& mask, alignment_options const& options,
                  std::optional<std::span<index const>> const& rows, communicator const* among) {
  using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
  using pooled_type = tensor<T, axes::batch<>, axes::dim<>>;
  ops::pool_options const how{.logsumexp = options.use_logsumexp_pool, .temperature = options.logsumexp_pool_temp};
  pooled_type pooled = view<axes::batch<>, axes::dim<>>(ops::pool_frames(ctx, x, mask, how));  // (batch, dim)
  if (rows) {
    array<std::int32_t, axes::rows<>> chosen({static_cast<index>(rows->size())});
    std::transform(rows->begin(), rows->end(), chosen.begin(), [](index row) { return static_cast<std::int32_t>(row); });
    pooled = view<axes::batch<>, axes::dim<>>(ops::gather_rows(ctx, pooled, ctx.upload(chosen)));  // (chosen, dim)
  }
  if (among) pooled = ops::all_gather(ctx, pooled, *among);                        // (batch of all ranks, dim)
  array<T, axes::dim<>> const unit({pooled.cols()}, static_cast<T>(1 / std::sqrt(static_cast<double>(pooled.cols()))));
  return ops::rms_norm(ctx, pooled, ctx.upload(unit));                             // (batch of all ranks, dim)
}

}  // namespace detail

/// Pools both sequences to one vector of length 1 an example, and compares how alike two examples are on either side.
/// Padding never matters. Nothing where all ranks together have fewer examples than two: there is no pair (spear-tts-pytorch gives NaN).
///
/// With a communicator every rank calls it, with or without examples, and all compute the same number; their gradients are summed, as
/// ops::all_gather says.
/// @param rows  only these examples (none of them: an empty span); nothing: all
/// @shape source (batch, source frames, dim)  target (batch, target frames, dim)  returns ()
/// @math  mean over i != j of (s_i . s_j - t_i . t_j)^2
/// @cost  two products of n x n x dim for n examples of all ranks
/// @throws shape_error where the batches differ, value_error as pool_frames and gather_rows
/// @see    arXiv 2309.08773; spear_tts_pytorch: TextToSemantic.forward (align_reg_loss)
auto alignment_loss(context_like auto& ctx, operand_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& source,
                    ops::frame_mask const& source_mask, operand_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& target,
                    ops::frame_mask const& target_mask, alignment_options const& options = {},
                    std::optional<std::span<index const>> rows = {}, communicator const* among = nullptr) {
  using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
  auto const x = ctx.eval(source);                                                 // (batch, source frames, dim)
  auto const y = ctx.eval(target);                                                 // (batch, target frames, dim)
  check_size("alignment_loss", "source", "batch", x.extent(0), "target", y.extent(0));
  auto const s = detail::pooled_units(ctx, x, source_mask, options, rows, among);  // (n, dim)
  auto const t = detail::pooled_units(ctx, y, target_mask, options, rows, among);  // (n, dim)
  index const n = s.extent(0);
  std::optional<tensor<T>> loss;
  if (n < 2) return loss;
  array<T, axes::batch<>, axes::out<>> pairs({n, n}, static_cast<T>(1 / (static_cast<double>(n) * static_cast<double>(n - 1))));
  for (index i = 0; i < n; ++i) pairs(i, i) = T(0);
  auto const apart = ops::linear<axes::out<>>(ctx, s, s) - ops::linear<axes::out<>>(ctx, t, t);  // (n, n)
  loss = ops::sum(ctx, square(apart) * ctx.upload(pairs));                         // ()
  return loss;
}

}  // namespace SPEARSTORM_NS::spear_tts
