#pragma once
// Weights of many levels made one before they meet an input: their sum, or one row of each combined output.

#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::ops {

struct sum_levels_op {
  static constexpr char const* name = "sum_levels";
  struct saved {
    index levels, size;
  };

  static auto forward(context_like auto& ctx, auto const& x) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    index const levels = x.extent(0), size = x.extent(1) * x.extent(2);
    T* const y = ctx.template allocate<T>(size);
    {
      auto const guard = ctx.scratch();
      detail::sum_over(ctx.exec(), 1, levels, size, x.data(), y, [&](index n) { return ctx.template allocate<T>(n); });
    }
    return std::pair{ctx.template wrap<axis_list<axes::out<>, axes::in<>>>(y, sizes<2>{x.extent(1), x.extent(2)}), saved{levels, size}};
  }
  template <class T>
  static void adjoint(auto& back, saved const& s, T const* dy) {
    if (T* const dx = back.result(0, s.levels * s.size)) verbs::copy_rows(back.exec(), s.levels, s.size, dy, 0, dx, s.size);
  }
};

/// @shape x (levels, out, in)  returns (out, in)
/// @math  y = the sum of x over levels;  dx_l = dy
auto sum_levels(context_like auto& ctx, operand auto const& x) {
  auto const xs = ctx.eval(x);
  static_assert(decltype(xs)::rank == 3, "spearstorm: sum_levels: x is (levels, out, in)");
  return record<sum_levels_op>(ctx, std::tuple{xs});
}

struct contract_heads_op {
  static constexpr char const* name = "contract_heads";

  template <class T>
  struct saved {
    T const *head, *weight;
    index levels, out, in;
  };

  static auto forward(context_like auto& ctx, auto const& head, auto const& weight) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    saved<T> const s{head.data(), weight.data(), head.extent(0), head.extent(1), head.extent(2)};
    T* const y = ctx.template allocate<T>(s.levels * s.in);
    verbs::gemm(ctx.exec(),
                {.m = 1,
                 .n = s.in,
                 .k = s.out,
                 .lda = s.out,
                 .ldb = s.in,
                 .ldc = s.in,
                 .batches = s.levels,
                 .b_batch = s.out * s.in,
                 .c_batch = s.in},
                s.weight, s.head, y);
    return std::pair{ctx.template wrap<axis_list<axes::levels<>, axes::in<>>>(y, sizes<2>{s.levels, s.in}), s};
  }
  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    if (T* const dhead = back.result(0, s.levels * s.out * s.in))
      verbs::gemm(back.exec(),
                  {.m = s.out,
                   .n = s.in,
                   .k = 1,
                   .lda = 1,
                   .ldb = s.in,
                   .ldc = s.in,
                   .batches = s.levels,
                   .b_batch = s.in,
                   .c_batch = s.out * s.in},
                  s.weight, dy, dhead);
    if (T* const dweight = back.result(1, s.out)) {
      T* const each = back.template scratch<T>(s.levels * s.out);
      verbs::gemm(back.exec(),
                  {.m = 1,
                   .n = s.out,
                   .k = s.in,
                   .trans_b = true,
                   .lda = s.in,
                   .ldb = s.in,
                   .ldc = s.out,
                   .batches = s.levels,
                   .a_batch = s.in,
                   .b_batch = s.out * s.in,
                   .c_batch = s.out},
                  dy, s.head, each);
      detail::sum_over(back.exec(), 1, s.levels, s.out, each, dweight, [&](index n) { return back.template scratch<T>(n); });
    }
  }
};

/// What a linear map of the heads' outputs is in terms of their input: a head of one number is never run through its wide output.
/// @shape head (levels, out, in)  weight (out)  returns (levels, in)
/// @math  y_l = weight head_l;  dhead_l = weight^T dy_l,  dweight = the sum over l of dy_l head_l^T
/// @cost  2 levels out in FLOPs, whatever the number of frames
/// @throws shape_error where weight differs from the heads' output
auto contract_heads(context_like auto& ctx, operand auto const& head, operand auto const& weight) {
  auto const h = ctx.eval(head);
  auto const w = ctx.eval(weight);
  static_assert(decltype(h)::rank == 3, "spearstorm: contract_heads: head is (levels, out, in)");
  check_size("contract_heads", "weight", "out", w.size(), "head", h.extent(1));
  return record<contract_heads_op>(ctx, std::tuple{h, w});
}

}  // namespace SPEARSTORM_NS::ops
