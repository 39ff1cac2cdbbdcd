#pragma once
// The gated linear unit over the halves of the last axis.

#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::ops {

template <class T>
struct glu_row {
  T const* x;
  T* y;
  index half;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    T const *const value = x + row * 2 * half, *const gate = value + half;
    Lanes::each(half, [&](auto at) { at.store(y + row * half, at.load(value) * functors::sigmoid::value(at.load(gate))); });
  }
};

template <class T>
struct glu_back_row {
  T const *x, *dy;
  T* dx;
  index half;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const *const value = x + row * 2 * half, *const gate = value + half, *const up = dy + row * half;
    T* const to = dx + row * 2 * half;
    Lanes::each(half, [&](auto at) {
      pack const open = functors::sigmoid::value(at.load(gate)), through = at.load(up) * open;
      at.store(to, through);
      at.store(to + half, through * at.load(value) * (pack(T(1)) - open));
    });
  }
};

struct glu_op {
  static constexpr char const* name = "glu";

  template <class T>
  struct saved {
    T const* x;
    index rows, half;
  };

  static auto forward(context_like auto& ctx, auto const& x) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    using list = typename std::remove_cvref_t<decltype(x)>::axes_type;
    using last = last_axis<list>;
    static_assert(last::extent == dynamic || last::extent % 2 == 0, "spearstorm: glu: the last axis needs an even size");
    index const rows = x.rows(), half = x.cols() / 2;
    T* const y = ctx.template allocate<T>(rows * half);
    verbs::each_row<T>(ctx.exec(), rows, 2 * half, glu_row<T>{x.data(), y, half});
    auto extents = x.extents();
    extents.back() = half;
    using axes = replace_last<list, typename last::template resized<(last::extent == dynamic ? dynamic : last::extent / 2)>>;
    return std::pair{ctx.template wrap<axes>(y, extents), saved<T>{x.data(), rows, half}};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    if (T* const dx = back.result(0, s.rows * 2 * s.half))
      verbs::each_row<T>(back.exec(), s.rows, 2 * s.half, glu_back_row<T>{s.x, dy, dx, s.half});
  }
};

/// @shape x (..., 2 dim)  returns (..., dim)
/// @math  y = a * sigmoid(b) where x = (a, b);  da = dy * sigmoid(b),  db = dy * a * sigmoid(b) * (1 - sigmoid(b))
/// @cost  reads x, writes y; recording keeps x
/// @throws shape_error where the last axis is odd
/// @see   torch.nn.functional.glu, soundstorm-pytorch: GLU
auto glu(context_like auto& ctx, operand auto const& x) {
  auto const xs = ctx.eval(x);
  if (xs.cols() % 2 != 0)
    fail<shape_error>("glu: input has ", last_axis<typename decltype(xs)::axes_type>::name, " = ", xs.cols(), ", expected an even size");
  return record<glu_op>(ctx, std::tuple{xs});
}

}  // namespace SPEARSTORM_NS::ops
