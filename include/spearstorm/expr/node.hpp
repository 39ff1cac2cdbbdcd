#pragma once
// The nodes of element-wise expressions. A node is a small value: operands by value, tensors as handles, scalars copied in,
// so an expression may be kept in `auto` and returned from a function.
//
// Leaves are numbered from left to right at compile time. A node can load its leaves, compute its value from them, and
// pull a gradient back onto them; `trace` keeps the interior values that `pull` needs, in registers.

#include <concepts>

#include "spearstorm/expr/broadcast.hpp"
#include "spearstorm/expr/loop.hpp"

namespace SPEARSTORM_NS::expr {

/// A tensor in an expression. Bytes and ids become numbers when loaded and take no gradient.
template <class T, class... Axes>
struct leaf {
  using expression_tag = void;
  using value_type = T;
  using axes_type = axis_list<Axes...>;
  static constexpr index leaves = 1, nodes = 0;

  tensor<T, Axes...> x;

  auto extents() const { return x.extents(); }

  template <class Result, index At, class Loop>
  void enter(Loop& into) const {
    enter_leaf<axes_type, Result>(into, At, x.extents());
  }

  template <index At, class F>
  void visit_leaves(F&& each) const {
    each(At, x);
  }

  template <index At, class Value, class Pack, class Loop, class Position>
  SPEARSTORM_HD void load(Loop const& steps, index const* base, Position position, Pack* into) const {
    if (steps.along[At] || steps.flat)
      into[At] = position.load(x.data() + base[At]);
    else
      into[At] = Pack(static_cast<Value>(x.data()[base[At]]));
  }
  template <index At, class Value, class Pack>
  SPEARSTORM_HD Pack value(Pack const* of) const {
    return of[At];
  }

  template <class Pack>
  struct trace {
    Pack y;
  };
  template <index At, class Value, class Pack>
  SPEARSTORM_HD trace<Pack> follow(Pack const* of) const {
    return {of[At]};
  }
  template <index At, class Pack>
  SPEARSTORM_HD void pull(trace<Pack> const&, Pack seed, Pack* gradients) const {
    gradients[At] = seed;
  }
};

/// A number.
struct constant {
  using expression_tag = void;
  using axes_type = axis_list<>;
  static constexpr index leaves = 0, nodes = 0;

  double number;

  sizes<0> extents() const { return {}; }
  template <class Result, index At, class Loop>
  void enter(Loop&) const {}
  template <index At, class F>
  void visit_leaves(F&&) const {}
  template <index At, class Value, class Pack, class Loop, class Position>
  SPEARSTORM_HD void load(Loop const&, index const*, Position, Pack*) const {}
  template <index At, class Value, class Pack>
  SPEARSTORM_HD Pack value(Pack const*) const {
    return Pack(static_cast<Value>(number));
  }

  template <class Pack>
  struct trace {
    Pack y;
  };
  template <index At, class Value, class Pack>
  SPEARSTORM_HD trace<Pack> follow(Pack const*) const {
    return {Pack(static_cast<Value>(number))};
  }
  template <index At, class Pack>
  SPEARSTORM_HD void pull(trace<Pack> const&, Pack, Pack*) const {}
};

template <class F, class A>
struct unary {
  using expression_tag = void;
  using axes_type = typename A::axes_type;
  static constexpr index leaves = A::leaves, nodes = A::nodes + 1;

  F f;
  A a;

  auto extents() const { return a.extents(); }
  template <class Result, index At, class Loop>
  void enter(Loop& into) const {
    a.template enter<Result, At>(into);
  }
  template <index At, class Each>
  void visit_leaves(Each&& each) const {
    a.template visit_leaves<At>(each);
  }
  template <index At, class Value, class Pack, class Loop, class Position>
  SPEARSTORM_HD void load(Loop const& steps, index const* base, Position position, Pack* into) const {
    a.template load<At, Value>(steps, base, position, into);
  }
  template <index At, class Value, class Pack>
  SPEARSTORM_HD Pack value(Pack const* of) const {
    return f.value(a.template value<At, Value>(of));
  }

  template <class Pack>
  struct trace {
    Pack y;
    typename A::template trace<Pack> a;
  };
  template <index At, class Value, class Pack>
  SPEARSTORM_HD trace<Pack> follow(Pack const* of) const {
    auto const p = a.template follow<At, Value>(of);
    return {f.value(p.y), p};
  }
  template <index At, class Pack>
  SPEARSTORM_HD void pull(trace<Pack> const& t, Pack seed, Pack* gradients) const {
    if constexpr (leaves > 0) a.template pull<At>(t.a, Pack(seed * f.partial(t.a.y, t.y)), gradients);
  }
};

template <class F, class A, class B>
struct binary {
  using expression_tag = void;
  using axes_type = broadcast<typename A::axes_type, typename B::axes_type>;
  static constexpr index leaves = A::leaves + B::leaves, nodes = A::nodes + B::nodes + 1;

  F f;
  A a;
  B b;

  auto extents() const {
    sizes<axes_type::rank> merged;
    merged.fill(dynamic);
    merge_sizes<typename A::axes_type, axes_type>(a.extents(), merged);
    merge_sizes<typename B::axes_type, axes_type>(b.extents(), merged);
    return merged;
  }
  template <class Result, index At, class Loop>
  void enter(Loop& into) const {
    a.template enter<Result, At>(into);
    b.template enter<Result, At + A::leaves>(into);
  }
  template <index At, class Each>
  void visit_leaves(Each&& each) const {
    a.template visit_leaves<At>(each);
    b.template visit_leaves<At + A::leaves>(each);
  }
  template <index At, class Value, class Pack, class Loop, class Position>
  SPEARSTORM_HD void load(Loop const& steps, index const* base, Position position, Pack* into) const {
    a.template load<At, Value>(steps, base, position, into);
    b.template load<At + A::leaves, Value>(steps, base, position, into);
  }
  template <index At, class Value, class Pack>
  SPEARSTORM_HD Pack value(Pack const* of) const {
    return f.value(a.template value<At, Value>(of), b.template value<At + A::leaves, Value>(of));
  }

  template <class Pack>
  struct trace {
    Pack y;
    typename A::template trace<Pack> a;
    typename B::template trace<Pack> b;
  };
  template <index At, class Value, class Pack>
  SPEARSTORM_HD trace<Pack> follow(Pack const* of) const {
    auto const p = a.template follow<At, Value>(of);
    auto const q = b.template follow<At + A::leaves, Value>(of);
    return {f.value(p.y, q.y), p, q};
  }
  template <index At, class Pack>
  SPEARSTORM_HD void pull(trace<Pack> const& t, Pack seed, Pack* gradients) const {
    if constexpr (A::leaves > 0) a.template pull<At>(t.a, Pack(seed * f.template partial<0>(t.a.y, t.b.y, t.y)), gradients);
    if constexpr (B::leaves > 0) b.template pull<At + A::leaves>(t.b, Pack(seed * f.template partial<1>(t.a.y, t.b.y, t.y)), gradients);
  }
};

template <class F, class A, class B, class C>
struct ternary {
  using expression_tag = void;
  using axes_type = broadcast<broadcast<typename A::axes_type, typename B::axes_type>, typename C::axes_type>;
  static constexpr index leaves = A::leaves + B::leaves + C::leaves, nodes = A::nodes + B::nodes + C::nodes + 1;
  static constexpr index to_b = A::leaves, to_c = A::leaves + B::leaves;

  F f;
  A a;
  B b;
  C c;

  auto extents() const {
    sizes<axes_type::rank> merged;
    merged.fill(dynamic);
    merge_sizes<typename A::axes_type, axes_type>(a.extents(), merged);
    merge_sizes<typename B::axes_type, axes_type>(b.extents(), merged);
    merge_sizes<typename C::axes_type, axes_type>(c.extents(), merged);
    return merged;
  }
  template <class Result, index At, class Loop>
  void enter(Loop& into) const {
    a.template enter<Result, At>(into);
    b.template enter<Result, At + to_b>(into);
    c.template enter<Result, At + to_c>(into);
  }
  template <index At, class Each>
  void visit_leaves(Each&& each) const {
    a.template visit_leaves<At>(each);
    b.template visit_leaves<At + to_b>(each);
    c.template visit_leaves<At + to_c>(each);
  }
  template <index At, class Value, class Pack, class Loop, class Position>
  SPEARSTORM_HD void load(Loop const& steps, index const* base, Position position, Pack* into) const {
    a.template load<At, Value>(steps, base, position, into);
    b.template load<At + to_b, Value>(steps, base, position, into);
    c.template load<At + to_c, Value>(steps, base, position, into);
  }
  template <index At, class Value, class Pack>
  SPEARSTORM_HD Pack value(Pack const* of) const {
    return f.value(a.template value<At, Value>(of), b.template value<At + to_b, Value>(of), c.template value<At + to_c, Value>(of));
  }

  template <class Pack>
  struct trace {
    Pack y;
    typename A::template trace<Pack> a;
    typename B::template trace<Pack> b;
    typename C::template trace<Pack> c;
  };
  template <index At, class Value, class Pack>
  SPEARSTORM_HD trace<Pack> follow(Pack const* of) const {
    auto const p = a.template follow<At, Value>(of);
    auto const q = b.template follow<At + to_b, Value>(of);
    auto const r = c.template follow<At + to_c, Value>(of);
    return {f.value(p.y, q.y, r.y), p, q, r};
  }
  template <index At, class Pack>
  SPEARSTORM_HD void pull(trace<Pack> const& t, Pack seed, Pack* gradients) const {
    if constexpr (A::leaves > 0) a.template pull<At>(t.a, Pack(seed * f.template partial<0>(t.a.y, t.b.y, t.c.y, t.y)), gradients);
    if constexpr (B::leaves > 0) b.template pull<At + to_b>(t.b, Pack(seed * f.template partial<1>(t.a.y, t.b.y, t.c.y, t.y)), gradients);
    if constexpr (C::leaves > 0) c.template pull<At + to_c>(t.c, Pack(seed * f.template partial<2>(t.a.y, t.b.y, t.c.y, t.y)), gradients);
  }
};

}  // namespace SPEARSTORM_NS::expr
