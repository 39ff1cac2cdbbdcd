#pragma once
// Softmax cross-entropy of chosen codes: the log-sum-exp of a row is all that is kept, the softmax never exists.

#include "spearstorm/ops/ids.hpp"
#include "spearstorm/ops/sum.hpp"

namespace SPEARSTORM_NS::ops {

/// loss = log-sum-exp - the target's logit, 0 where the target is `ignore`.
template <class T>
struct cross_entropy_row {
  T const* logits;
  std::int32_t const* targets;
  T *loss, *lse;  // lse may be null
  index cols, ignore;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const* const from = logits + row * cols;
    T const most = Lanes::max(cols, from[0], [&](auto at) { return at.load(from); });
    T const rest = log(Lanes::sum(cols, [&](auto at) { return pack(exp(at.load(from) - pack(most))); }));
    index const target = targets[row];
    Lanes::once([&] {
      loss[row] = target == ignore ? T(0) : rest + (most - from[target]);  // in this order: most may be large, rest is not
      if (lse) lse[row] = most + rest;
    });
  }
};

/// dlogits = (softmax - onehot) * dy, 0 where the target is `ignore`.
template <class T>
struct cross_entropy_back_row {
  T const* logits;
  std::int32_t const* targets;
  T const *lse, *dy;
  T* dx;
  index cols, ignore;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const* const from = logits + row * cols;
    T* const to = dx + row * cols;
    index const target = targets[row];
    if (target == ignore) return Lanes::each(cols, [&](auto at) { at.store(to, pack(T(0))); });
    T const up = dy[row], below = lse[row];
    Lanes::each(cols, [&](auto at) { at.store(to, exp(at.load(from) - pack(below)) * pack(up)); });
    Lanes::once([&] { to[target] -= up; });
  }
};

/// 1 for each row that counts.
template <class T>
struct counted_elements {
  std::int32_t const* targets;
  T* out;
  index ignore;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index i = first; i < first + count; ++i) out[i] = T(targets[i] != ignore);
  }
};

struct cross_entropy_op {
  static constexpr char const* name = "cross_entropy";

  template <class T>
  struct saved {
    T const *logits, *lse;
    std::int32_t const* targets;
    index rows, cols, ignore;
  };

  static auto forward(context_like auto& ctx, auto const& logits, auto const& targets, index ignore) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    index const rows = logits.rows(), cols = logits.cols();
    T* const loss = ctx.template allocate<T>(rows);
    T* lse = nullptr;
    if constexpr (std::remove_reference_t<decltype(ctx)>::is_recording) lse = ctx.template allocate<T>(rows);
    verbs::each_row<T>(ctx.exec(), rows, 2 * cols, cross_entropy_row<T>{logits.data(), targets.data(), loss, lse, cols, ignore});
    using axes = typename std::remove_cvref_t<decltype(targets)>::axes_type;
    return std::pair{ctx.template wrap<axes>(loss, targets.extents()), saved<T>{logits.data(), lse, targets.data(), rows, cols, ignore}};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    if (T* const dx = back.result(0, s.rows * s.cols))
      verbs::each_row<T>(back.exec(), s.rows, s.cols, cross_entropy_back_row<T>{s.logits, s.targets, s.lse, dy, dx, s.cols, s.ignore});
  }
};

struct cross_entropy_options {
  std::int32_t ignore = -1;  ///< rows with this target have loss 0 and no gradient, and do not count in the mean
};

/// The loss of each row, in nats.
/// @shape logits (rows, vocab)  targets (rows)  returns (rows)
/// @math  y_r = log(sum_v exp(x_rv)) - x_r,target;  dx_r = (softmax(x_r) - onehot) dy_r
/// @cost  reads the logits twice, the second time from cache; recording keeps one number a row beside the logits
/// @throws shape_error where there are other targets than rows or no codes, value_error where a target is no code and not
///         `ignore`; a device looks at targets in anomaly mode only
template <axis_type Rows>
auto cross_entropy_rows(context_like auto& ctx, operand auto const& logits, tensor<std::int32_t, Rows> const& targets,
                        cross_entropy_options options = {}) {
  auto const x = ctx.eval(logits);
  static_assert(decltype(x)::rank == 2, "spearstorm: cross_entropy: logits need two axes, (rows, vocab)");
  auto const at = ctx.eval(targets);
  check_size("cross_entropy", "logits", Rows::name, x.extent(0), "targets", at.size());
  if (x.cols() == 0)
    fail<shape_error>("cross_entropy: logits has ", last_axis<typename decltype(x)::axes_type>::name, " = 0, expected at least 1");
  detail::check_ids(ctx, "cross_entropy", "targets", at, x.cols(), options.ignore);
  return record<cross_entropy_op>(ctx, std::tuple{x}, at, static_cast<index>(options.ignore));
}

/// The mean over the rows that count.
/// @shape logits (rows, vocab)  targets (rows)  returns ()
/// @math  y = mean_r(log(sum_v exp(x_rv)) - x_r,target);  dx_r = (softmax(x_r) - onehot) dy / rows
/// @throws value_error where no row counts: a loss of 0 would look like success. Where all targets of a device are `ignore`
///         the mean is NaN instead, as PyTorch's; and as cross_entropy_rows
template <axis_type Rows>
auto cross_entropy(context_like auto& ctx, operand auto const& logits, tensor<std::int32_t, Rows> const& targets,
                   cross_entropy_options options = {}) {
  using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
  auto const losses = cross_entropy_rows(ctx, logits, targets, options);           // (rows)
  if (losses.size() == 0) fail<value_error>("cross_entropy: no rows, expected at least 1");
  detail::inspect(ctx, targets, [&](std::span<std::int32_t const> of) {
    if (std::all_of(of.begin(), of.end(), [&](std::int32_t target) { return target == options.ignore; }))
      fail<value_error>("cross_entropy: all ", of.size(), " targets are ", options.ignore,
                        ", which is ignored, expected at least one that is not");
  });
  T* const count = ctx.template allocate<T>(1);
  {
    auto const guard = ctx.scratch();
    T* const counted = ctx.template allocate<T>(losses.size());
    verbs::transform<T>(ctx.exec(), losses.size(), backend::move_span, counted_elements<T>{targets.data(), counted, options.ignore});
    detail::sum_over(ctx.exec(), 1, losses.size(), 1, counted, count, [&](index n) { return ctx.template allocate<T>(n); });
  }
  return ctx.eval(sum(ctx, losses) / ctx.template wrap<axis_list<>>(count, sizes<0>{}));  // ()
}

}  // namespace SPEARSTORM_NS::ops
