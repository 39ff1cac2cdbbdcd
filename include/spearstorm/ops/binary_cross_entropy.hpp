#pragma once
// Binary cross-entropy of logits against flags, in the form that stays finite.

#include "spearstorm/ops/sum.hpp"

namespace SPEARSTORM_NS::ops {

/// loss = max(x, 0) - x label + log(1 + exp(-|x|)), 0 where the element does not count.
template <class T>
struct binary_cross_entropy_elements {
  T const* logits;
  flag const *labels, *counted;
  T* loss;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index i = first; i < first + count; ++i) {
      T const x = logits[i], size = x < 0 ? -x : x;
      loss[i] = counted[i] ? (x > 0 ? x : T(0)) - (labels[i] ? x : T(0)) + log(T(1) + exp(-size)) : T(0);
    }
  }
};

/// dx = (sigmoid(x) - label) dy where the element counts
template <class T>
struct binary_cross_entropy_back_elements {
  T const* logits;
  flag const *labels, *counted;
  T const* dy;
  T* dx;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index i = first; i < first + count; ++i) {
      T const x = logits[i], e = exp(x < 0 ? x : -x), p = x < 0 ? e / (T(1) + e) : T(1) / (T(1) + e);
      dx[i] = counted[i] ? (p - T(labels[i] != 0)) * dy[i] : T(0);
    }
  }
};

/// 1 for each element that counts.
template <class T>
struct flag_elements {
  flag const* from;
  T* to;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index i = first; i < first + count; ++i) to[i] = T(from[i] != 0);
  }
};

struct binary_cross_entropy_op {
  static constexpr char const* name = "binary_cross_entropy";

  template <class T>
  struct saved {
    T const* logits;
    flag const *labels, *counted;
    index size;
  };

  static auto forward(context_like auto& ctx, auto const& x, flag const* labels, flag const* counted) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    T* const loss = ctx.template allocate<T>(x.size());
    verbs::transform<T>(ctx.exec(), x.size(), backend::move_span, binary_cross_entropy_elements<T>{x.data(), labels, counted, loss});
    using axes = typename std::remove_cvref_t<decltype(x)>::axes_type;
    return std::pair{ctx.template wrap<axes>(loss, x.extents()), saved<T>{x.data(), labels, counted, x.size()}};
  }
  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    if (T* const dx = back.result(0, s.size))
      verbs::transform<T>(back.exec(), s.size, backend::move_span,
                          binary_cross_entropy_back_elements<T>{s.logits, s.labels, s.counted, dy, dx});
  }
};

/// The mean over the elements that count.
/// @shape logits (...)  labels (...), 1 for true  counted (...), 1 where the element counts  returns ()
/// @math  y = mean(max(x, 0) - x label + log(1 + exp(-|x|)));  dx = (sigmoid(x) - label) dy / counted elements
/// @throws shape_error where labels or counted differ in size from the logits. Where nothing counts the mean is NaN, as PyTorch's
/// @see   torch.nn.functional.binary_cross_entropy_with_logits
template <class... Axes>
auto binary_cross_entropy_with_logits(context_like auto& ctx, operand auto const& logits, tensor<flag, Axes...> const& labels,
                                      tensor<flag, Axes...> const& counted) {
  using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
  auto const x = ctx.eval(logits);
  auto const truth = ctx.eval(labels);
  auto const which = ctx.eval(counted);
  check_size("binary_cross_entropy_with_logits", "labels", "size", truth.size(), "logits", x.size());
  check_size("binary_cross_entropy_with_logits", "counted", "size", which.size(), "logits", x.size());
  auto const losses = record<binary_cross_entropy_op>(ctx, std::tuple{x}, truth.data(), which.data());  // (...)
  T* const count = ctx.template allocate<T>(1);
  {
    auto const guard = ctx.scratch();
    T* const ones = ctx.template allocate<T>(x.size());
    verbs::transform<T>(ctx.exec(), x.size(), backend::move_span, flag_elements<T>{which.data(), ones});
    detail::sum_over(ctx.exec(), 1, x.size(), 1, ones, count, [&](index n) { return ctx.template allocate<T>(n); });
  }
  return ctx.eval(sum(ctx, losses) / ctx.template wrap<axis_list<>>(count, sizes<0>{}));  // ()
}

}  // namespace SPEARSTORM_NS::ops
