#pragma once
// The element-wise programs of an expression: its values in one loop, its leaves' gradients in another.

#include "spearstorm/expr/node.hpp"

namespace SPEARSTORM_NS::expr {

template <class E, class T>
struct value_elements {
  E e;
  loop<E::leaves> steps;
  T* out;

  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    using pack = typename Lanes::pack;
    index base[E::leaves + 1];
    for (index k = 0; k < E::leaves; ++k) base[k] = steps.offset(k, first);
    Lanes::each(count, [&](auto at) {
      pack leaves[E::leaves + 1];
      e.template load<0, T>(steps, base, at, leaves);
      at.store(out + first, e.template value<0, T>(leaves));
    });
  }
};

/// What becomes of a leaf's gradient: where it is written, or which earlier leaf (the same tensor) it is added to.
template <index Leaves, class T>
struct gradient_targets {
  T* into[Leaves + 1] = {};
  index same_as[Leaves + 1] = {};  ///< its own number where the tensor stands here first
};

template <class E, class T>
struct gradient_elements {
  E e;
  loop<E::leaves> steps;
  T const* seed;
  gradient_targets<E::leaves, T> to;

  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    using pack = typename Lanes::pack;
    index base[E::leaves + 1];
    for (index k = 0; k < E::leaves; ++k) base[k] = steps.offset(k, first);
    Lanes::each(count, [&](auto at) {
      pack leaves[E::leaves + 1], gradients[E::leaves + 1];
      e.template load<0, T>(steps, base, at, leaves);
      e.template pull<0>(e.template follow<0, T>(leaves), at.load(seed + first), gradients);
      for (index k = E::leaves - 1; k > 0; --k)
        if (to.same_as[k] != k) gradients[to.same_as[k]] = gradients[to.same_as[k]] + gradients[k];
      for (index k = 0; k < E::leaves; ++k)
        if (to.into[k]) at.store(to.into[k] + first, gradients[k]);
    });
  }
};

}  // namespace SPEARSTORM_NS::expr
