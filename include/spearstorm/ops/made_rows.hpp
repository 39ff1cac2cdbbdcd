#pragma once
// Tensors that are not stored: their rows are made where a product reads them, from what is stored already.

#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::ops {

/// Sizes, axes and tape node of a tensor, and source(lanes, row, first, count, to) for its values. A policy whose products can make rows
/// (verbs::fuses_rows) gets these from a layer's `rows`, another one tensors.
template <class Tensor, class Source>
class made_rows {
 public:
  using value_type = typename Tensor::value_type;
  using axes_type = typename Tensor::axes_type;
  static constexpr index rank = Tensor::rank;

  /// @param like what the values are made of, under the node of what they are
  made_rows(Tensor const& like, Source const& source) : like_(like), source_(source) {}

  Tensor const& like() const { return like_; }
  Source const& source() const { return source_; }
  auto const& extents() const { return like_.extents(); }
  index extent(index axis) const { return like_.extent(axis); }
  index size() const { return like_.size(); }
  index rows() const { return like_.rows(); }
  index cols() const { return like_.cols(); }
  std::uint32_t node() const { return like_.node(); }

 private:
  Tensor like_;
  Source source_;
};

template <class X>
inline constexpr bool is_made_rows = false;
template <class Tensor, class Source>
inline constexpr bool is_made_rows<made_rows<Tensor, Source>> = true;

/// What a product takes from the left: an operand, or rows that are made.
template <class X>
concept row_operand = operand<X> || is_made_rows<std::remove_cvref_t<X>>;
/// What a layer takes from the left: any axes, the last one fitting `Last`.
template <class X, class Last>
concept rows_ending_in = tensor_ending_in<X, Last> ||
                         (is_made_rows<std::remove_cvref_t<X>> && axis_fits<last_axis<typename std::remove_cvref_t<X>::axes_type>, Last>);

namespace detail_rows {

/// Whether what stands behind an activation or a gate is made anew where it is read: recording keeps what stands before it anyway.
template <class Ctx>
inline constexpr bool makes_rows = Ctx::is_recording && verbs::fuses_rows<typename Ctx::exec_type>;

/// An input of an op: stored, or made; either way alive.
auto input_of(context_like auto& ctx, row_operand auto const& x) {
  if constexpr (operand<decltype(x)>) {
    return ctx.eval(x);
  } else {
    ctx.eval(x.like());
    return x;
  }
}
/// What the verbs and the tape's entry know of it.
auto factor_of(row_operand auto const& x) {
  if constexpr (is_made_rows<std::remove_cvref_t<decltype(x)>>)
    return x.source();
  else
    return x.data();
}

}  // namespace detail_rows

}  // namespace SPEARSTORM_NS::ops
