#pragma once
// ctx.eval(expression): the fused loop and its one tape entry.

#include "spearstorm/tape/context.hpp"
#include "spearstorm/tape/reduce.hpp"

namespace SPEARSTORM_NS {

namespace detail {

/// What an expression's entry keeps: the expression itself (leaves and numbers), its loop, and the nodes of its leaves.
template <class Exec, class E>
struct expression_closure {
  E e;
  expr::loop<E::leaves> steps;
  std::uint32_t nodes[E::leaves + 1];
  index sizes[E::leaves + 1];

  static void pull(void const* closure, sweep<Exec>& back, typename Exec::value_type const* seed) {
    using T = typename Exec::value_type;
    auto const& self = *static_cast<expression_closure const*>(closure);
    back.begin(self.nodes, E::leaves);
    expr::gradient_targets<E::leaves, T> to;
    T* wide[E::leaves + 1] = {};  // gradients of broadcast leaves before they are summed
    for (index k = 0; k < E::leaves; ++k) {
      to.same_as[k] = k;
      if (!back.wants(k)) continue;
      for (index j = k - 1; j >= 0; --j)
        if (self.nodes[j] == self.nodes[k] && self.steps.alike(j, k)) to.same_as[k] = j;
      if (to.same_as[k] != k) continue;
      if (self.sizes[k] == self.steps.size)
        to.into[k] = back.result(k, self.sizes[k]);
      else
        to.into[k] = wide[k] = back.template scratch<T>(self.steps.size);
    }
    index const span = self.steps.flat ? expr::span : self.steps.cols;
    verbs::transform<T>(back.exec(), self.steps.size, span, expr::gradient_elements<E, T>{self.e, self.steps, seed, to});
    for (index k = 0; k < E::leaves; ++k)
      if (wide[k]) sum_to_leaf(back, self.steps, k, self.sizes[k], wide[k], back.result(k, self.sizes[k]));
  }
};

}  // namespace detail

template <execution_policy Exec, bool Recording>
template <class E>
  requires(!tensor_like<E> && requires { typename E::expression_tag; })
auto basic_context<Exec, Recording>::eval(E const& e) {
  using axes = typename E::axes_type;
  static_assert(E::leaves > 0, "spearstorm: eval: an expression needs a tensor");
  static_assert(E::nodes <= 16, "spearstorm: eval: more than 16 operations in one expression; store a part of it with ctx.eval");
  auto const extents = e.extents();
  auto steps = expr::loop_over<axes, E::leaves>(extents);
  e.template enter<axes, 0>(steps);

  detail::expression_closure<Exec, E> closure{e, steps, {}, {}};
  bool wanted = false;
  e.template visit_leaves<0>([&](index at, auto const& x) {
    closure.nodes[at] = eval(x).node();  // also finds stale leaves
    closure.sizes[at] = x.size();
    wanted = wanted || closure.nodes[at] != 0;
  });

  value_type* const out = allocate<value_type>(steps.size);
  verbs::transform<value_type>(exec(), steps.size, steps.flat ? expr::span : steps.cols,
                               expr::value_elements<E, value_type>{e, steps, out});
  if (work_->anomaly()) detail::check_finite<Exec>("", "an expression", out, steps.size);
  std::uint32_t node = 0;
  if constexpr (Recording)
    if (wanted) {
      node = tape_.new_node(steps.size);
      tape_.push({"expression", &detail::expression_closure<Exec, E>::pull, keep(closure), node});
    }
  return wrap<axes>(out, extents, node);
}

}  // namespace SPEARSTORM_NS
