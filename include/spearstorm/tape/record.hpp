#pragma once
// record<Op>: runs an op and, in a recording context, puts its adjoint on the tape.
//
//   struct op {
//     static constexpr char const* name = "op";
//     template <class Exec> struct saved { ... };                          // what backward needs, nothing else
//     static auto forward(ctx, x, y, ..., options...) -> pair{tensor, saved}
//     static void adjoint(sweep& back, saved const&, value const* seed);   // writes back.result(i, size) for each wanted input i
//   };

#include <tuple>
#include <utility>

#include "spearstorm/tape/context.hpp"

namespace SPEARSTORM_NS {

namespace detail {
template <class Exec, class Op, class Saved, std::size_t N>
struct op_closure {
  Saved saved;
  std::uint32_t nodes[N + 1];
  static void pull(void const* closure, sweep<Exec>& back, typename Exec::value_type const* seed) {
    auto const& self = *static_cast<op_closure const*>(closure);
    back.begin(self.nodes, static_cast<index>(N));
    Op::adjoint(back, self.saved, seed);
  }
};
}  // namespace detail

/// A tensor argument of an op: a tensor, an expression, or a parameter.
template <class X>
concept operand = expression_like<X> || parameter_like<X>;
template <class X, class... Axes>
concept operand_of = operand<X> && axes_fit<typename std::remove_cvref_t<X>::axes_type, axis_list<Axes...>>;

/// @param inputs  stored tensors, a std::tuple; gradients flow to those with a node
/// @param options passed on to Op::forward behind the inputs
template <class Op, context_like Ctx, class... Inputs, class... Options>
auto record(Ctx& ctx, std::tuple<Inputs...> const& inputs, Options const&... options) {
  using Exec = typename Ctx::exec_type;
  auto made = std::apply([&](auto const&... x) { return Op::forward(ctx, x..., options...); }, inputs);
  if (ctx.work().anomaly()) detail::check_finite<Exec>("", Op::name, made.first.data(), made.first.size());
  if constexpr (Ctx::is_recording) {
    detail::op_closure<Exec, Op, decltype(made.second), sizeof...(Inputs)> closure{made.second, {}};
    bool wanted = false;
    std::size_t at = 0;
    std::apply([&](auto const&... x) { ((wanted = (closure.nodes[at++] = x.node()) != 0 || wanted), ...); }, inputs);
    if (wanted) {
      auto& tape = ctx.recorded();
      std::uint32_t const node = tape.new_node(made.first.size());
      tape.push({Op::name, &decltype(closure)::pull, ctx.keep(closure), node});
      return ctx.with_node(made.first, node);
    }
  }
  return made.first;
}

/// The same values, without their history.
template <context_like Ctx, expression_like X>
auto detach(Ctx& ctx, X const& x) {
  return ctx.with_node(ctx.eval(x), 0);
}

/// The values of `hard`, the gradient of `soft`: for quantizers and hard choices.
/// @throws shape_error where the two differ in size
template <context_like Ctx, expression_like Hard, expression_like Soft>
auto straight_through(Ctx& ctx, Hard const& hard, Soft const& soft) {
  auto const h = ctx.eval(hard);
  auto const s = ctx.eval(soft);
  static_assert(axes_fit<typename decltype(h)::axes_type, typename decltype(s)::axes_type>,
                "spearstorm: straight_through: hard and soft need the same axes");
  if (h.extents() != s.extents())
    fail<shape_error>("straight_through: hard is ", to_string(typename decltype(h)::axes_type{}, h.extents()), ", soft is ",
                      to_string(typename decltype(s)::axes_type{}, s.extents()));
  return ctx.with_node(h, s.node());
}

}  // namespace SPEARSTORM_NS
