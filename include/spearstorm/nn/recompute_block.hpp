#pragma once
// A trunk's block whose inside is not kept, with inputs that may be missing.

#include <optional>

#include "spearstorm/tape/recompute.hpp"

namespace SPEARSTORM_NS::nn {

namespace detail {

/// An optional tensor as an input of `recompute`: one without memory where there is none.
template <class T, class... Axes>
tensor<T, Axes...> or_nothing(context_like auto& ctx, std::optional<tensor<T, Axes...>> const& x) {
  return x ? *x : ctx.template wrap<axis_list<Axes...>>(static_cast<T const*>(nullptr), sizes<sizeof...(Axes)>{});
}
template <operand X>
auto or_nothing(context_like auto& ctx, X const& x) {
  return ctx.eval(x);
}
/// And back.
template <bool Optional, tensor_like X>
auto given_as(X const& x) {
  if constexpr (Optional)
    return x.data() ? std::optional<X>(x) : std::optional<X>();
  else
    return x;
}

}  // namespace detail

/// f(ctx, x...), where some x are optional tensors, handed on as such; recorded, only what is given is kept, and the way back runs f again.
/// @param f captures by pointer what outlives the context, as a layer of a model does
template <context_like Ctx, class F, class... X>
auto recompute_block(Ctx& ctx, F const& f, X const&... x) {
  constexpr bool optional[] = {!operand<X>...};
  auto const again = [f](auto& c, auto const&... given) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return f(c, detail::given_as<optional[I]>(given)...);
    }(std::index_sequence_for<X...>{});
  };
  return recompute(ctx, again, detail::or_nothing(ctx, x)...);
}

}  // namespace SPEARSTORM_NS::nn
