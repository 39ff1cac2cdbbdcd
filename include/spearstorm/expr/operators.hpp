#pragma once
// How expressions are written: operators, named functions, and `map` for a user's own functor.

#include "spearstorm/expr/functors.hpp"
#include "spearstorm/expr/node.hpp"

namespace SPEARSTORM_NS {

namespace expr {

template <class X>
concept number = std::is_arithmetic_v<std::remove_cvref_t<X>>;

/// Tensors become leaves, numbers constants, expressions stay what they are.
template <class T, class... Axes>
leaf<T, Axes...> as_node(tensor<T, Axes...> const& x) {
  return {x};
}
template <number X>
constant as_node(X x) {
  return {static_cast<double>(x)};
}
template <class E>
  requires requires { typename E::expression_tag; }
E as_node(E const& e) {
  return e;
}

template <class X>
using node_of = decltype(as_node(std::declval<std::remove_cvref_t<X> const&>()));

/// At least one operand is an expression, the others may be numbers.
template <class... X>
concept operands = (expression_like<X> || ...) && ((expression_like<X> || number<X>) && ...);

}  // namespace expr

/// Applies a functor that has `value` and `partial` to each element: `ss::map(softplus{}, x)`.
template <class F, class A>
  requires expr::operands<A>
auto map(F f, A const& a) {
  return expr::unary<F, expr::node_of<A>>{f, expr::as_node(a)};
}
template <class F, class A, class B>
  requires expr::operands<A, B>
auto map(F f, A const& a, B const& b) {
  return expr::binary<F, expr::node_of<A>, expr::node_of<B>>{f, expr::as_node(a), expr::as_node(b)};
}
template <class F, class A, class B, class C>
  requires expr::operands<A, B, C>
auto map(F f, A const& a, B const& b, C const& c) {
  return expr::ternary<F, expr::node_of<A>, expr::node_of<B>, expr::node_of<C>>{f, expr::as_node(a), expr::as_node(b), expr::as_node(c)};
}

template <class A, class B>
  requires expr::operands<A, B>
auto operator+(A const& a, B const& b) {
  return map(functors::add{}, a, b);
}
template <class A, class B>
  requires expr::operands<A, B>
auto operator-(A const& a, B const& b) {
  return map(functors::subtract{}, a, b);
}
template <class A, class B>
  requires expr::operands<A, B>
auto operator*(A const& a, B const& b) {
  return map(functors::multiply{}, a, b);
}
template <class A, class B>
  requires expr::operands<A, B>
auto operator/(A const& a, B const& b) {
  return map(functors::divide{}, a, b);
}
template <class A>
  requires expr::operands<A>
auto operator-(A const& a) {
  return map(functors::negate{}, a);
}

/// A functor that is called like a function on expressions and handed to `linear` as an epilogue: `silu(x)`, `ss::silu`.
template <class F>
struct elementwise : F {
  using functor = F;
  template <class... X>
    requires expr::operands<X...>
  auto operator()(X const&... x) const {
    return map(static_cast<F const&>(*this), x...);
  }
};

inline constexpr elementwise<functors::sigmoid> sigmoid{};
inline constexpr elementwise<functors::silu> silu{};
inline constexpr elementwise<functors::relu> relu{};
inline constexpr elementwise<functors::gelu> gelu{};

template <class A>
  requires expr::operands<A>
auto exp(A const& a) {
  return map(functors::exp_of{}, a);
}
template <class A>
  requires expr::operands<A>
auto log(A const& a) {
  return map(functors::log_of{}, a);
}
template <class A>
  requires expr::operands<A>
auto sqrt(A const& a) {
  return map(functors::sqrt_of{}, a);
}
template <class A>
  requires expr::operands<A>
auto square(A const& a) {
  return map(functors::square{}, a);
}
template <class A>
  requires expr::operands<A>
auto abs(A const& a) {
  return map(functors::magnitude{}, a);
}
template <class A>
  requires expr::operands<A>
auto tanh(A const& a) {
  return map(functors::tanh_of{}, a);
}
template <class A, class B>
  requires expr::operands<A, B>
auto max(A const& a, B const& b) {
  return map(functors::maximum{}, a, b);
}
template <class A, class B>
  requires expr::operands<A, B>
auto min(A const& a, B const& b) {
  return map(functors::minimum{}, a, b);
}
/// a where the mask is not zero, else b.
template <class M, class A, class B>
  requires expr::operands<M, A, B>
auto where(M const& mask, A const& a, B const& b) {
  return map(functors::where{}, mask, a, b);
}

template <class X>
  requires expr::operands<X>
auto leaky_relu(X const& x, double slope) {
  return map(functors::leaky_relu{slope}, x);
}
template <class X>
  requires expr::operands<X>
auto clamp(X const& x, double low, double high) {
  return map(functors::clamp{low, high}, x);
}

namespace expr {  // where argument-dependent lookup looks for what is applied to nodes
using spearstorm::operator+;
using spearstorm::operator-;
using spearstorm::operator*;
using spearstorm::operator/;
using spearstorm::abs;
using spearstorm::clamp;
using spearstorm::exp;
using spearstorm::leaky_relu;
using spearstorm::log;
using spearstorm::map;
using spearstorm::max;
using spearstorm::min;
using spearstorm::sqrt;
using spearstorm::square;
using spearstorm::tanh;
using spearstorm::where;
}  // namespace expr

}  // namespace SPEARSTORM_NS
