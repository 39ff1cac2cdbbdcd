#pragma once
// recompute(ctx, f, x...): a block whose inside is not kept. The way there runs it and forgets all but its inputs and its
// result; the way back runs it again, with the same draws, and walks through that. Time for memory, block by block.

#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS {

namespace detail {

/// A tensor's type without its handle's serial and node: what a block is given when it runs again.
template <class X>
struct kept_input {
  using axes_type = typename X::axes_type;
  typename X::value_type const* data;
  sizes<X::rank> extents;
};

template <class Exec, class F, class... X>
struct recompute_closure {
  recording<Exec>* outer;
  F f;
  std::uint32_t draws;
  std::tuple<kept_input<X>...> inputs;
  std::uint32_t nodes[sizeof...(X) + 1];

  /// An input as a tensor of the block's own context; a leaf where a gradient is wanted.
  template <std::size_t I>
  auto enter(recording<Exec>& inside, bool wanted) const {
    auto const& kept = std::get<I>(inputs);
    auto const x = inside.template wrap<typename std::remove_cvref_t<decltype(kept)>::axes_type>(kept.data, kept.extents);
    return wanted ? inside.leaf(x) : x;
  }

  static void pull(void const* closure, sweep<Exec>& back, typename Exec::value_type const* seed) {
    static_cast<recompute_closure const*>(closure)->again(back, seed, std::index_sequence_for<X...>{});
  }
  template <std::size_t... I>
  void again(sweep<Exec>& back, typename Exec::value_type const* seed, std::index_sequence<I...>) const {
    using T = typename Exec::value_type;
    auto const begin = [&] { back.begin(nodes, static_cast<index>(sizeof...(X))); };
    begin();
    // Memory of the outer context first: what is allocated inside ends with the block.
    T* const made[sizeof...(X) + 1] = {(back.wants(I) ? back.template scratch<T>(product(std::get<I>(inputs).extents)) : nullptr)...};
    bool reached[sizeof...(X) + 1] = {};
    {
      recording<Exec> inside{*outer, draws};
      auto const leaves = std::tuple{enter<I>(inside, made[I] != nullptr)...};
      auto const y = inside.eval(std::apply([&](auto const&... x) { return f(inside, x...); }, leaves));
      if (y.node() != 0) {
        sweep<Exec> way(back.work(), inside.recorded(), back.parameters());
        way.run(y.node(), seed, y.size());
        (
            [&] {
              auto const& x = std::get<I>(leaves);
              T const* const from = made[I] ? way.reached(x.node()) : nullptr;
              reached[I] = from != nullptr;
              if (from) verbs::copy_rows(back.exec(), 1, x.size(), from, x.size(), made[I], x.size());
            }(),
            ...);
      }
    }
    (
        [&] {
          index const size = product(std::get<I>(inputs).extents);
          if (reached[I]) verbs::copy_rows(back.exec(), 1, size, made[I], size, back.result(I, size), size);
        }(),
        ...);
  }
};

}  // namespace detail

/// Runs f(ctx, x...), a block with one result, so that only its inputs are kept for the way back.
/// What f captures it must capture by reference or pointer, and that must live until the gradients are taken. A tensor that
/// f captures is a constant inside: hand over as x what a gradient flows to.
/// @math  the gradients of the plain call, to the bit where an input is used by one op of the block or by nothing outside of it
/// @cost  the block runs twice; recording keeps x and the result; the way back needs one block's memory at a time
/// @see   Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost
template <context_like Ctx, class F, operand... X>
auto recompute(Ctx& ctx, F const& f, X const&... x) {
  static_assert(std::is_trivially_destructible_v<F>, "spearstorm: recompute: the block must capture by reference or pointer only");
  if constexpr (!Ctx::is_recording) {
    return ctx.eval(f(ctx, ctx.eval(x)...));
  } else {
    using Exec = typename Ctx::exec_type;
    auto const inputs = std::tuple{ctx.eval(x)...};
    auto const run = [&]<class... T>(T const&... given) {
      using result = decltype(ctx.eval(f(ctx, given...)));
      using element = typename result::value_type;
      detail::recompute_closure<Exec, F, T...> closure{&ctx, f, ctx.draws(), {{given.data(), given.extents()}...}, {given.node()...}};
      bool wanted = ((given.node() != 0) || ...);
      element const* data = nullptr;
      sizes<result::rank> extents;
      {
        recording<Exec> inside{ctx, closure.draws};  // records, so that the parameters it uses become known
        auto const y = inside.eval(f(inside, inside.template wrap<typename T::axes_type>(given.data(), given.extents())...));
        data = y.data(), extents = y.extents();
        for (auto const& p : inside.recorded().parameters()) {
          ctx.recorded().node_of_parameter(p.id, inside.recorded().size_of(p.node));
          wanted = true;
        }
        ctx.continue_draws(inside.draws());
      }
      index const size = product(extents);
      element* const to = ctx.template allocate<element>(size);  // where the block's memory began: the ranges may overlap
      Exec::memory::move(to, data, static_cast<std::size_t>(size) * sizeof(element));
      std::uint32_t node = 0;
      if (wanted) {
        node = ctx.recorded().new_node(size);
        ctx.recorded().push({"recompute", &decltype(closure)::pull, ctx.keep(closure), node});
      }
      return ctx.template wrap<typename result::axes_type>(to, extents, node);
    };
    return std::apply(run, inputs);
  }
}

}  // namespace SPEARSTORM_NS
