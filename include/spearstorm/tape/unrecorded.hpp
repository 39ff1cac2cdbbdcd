#pragma once
// unrecorded(ctx, f): a part of a pass that leaves nothing but its result, to which no gradient flows.

#include "spearstorm/tape/context.hpp"

namespace SPEARSTORM_NS {

/// The result of f(quiet) as a constant of this context; `quiet` is a child that records nothing and ends with f.
/// @cost no transfer; of the child's memory what the result needs is kept
template <context_like Ctx, class F>
auto unrecorded(Ctx& ctx, F const& f) {
  using child = inference<typename Ctx::exec_type>;
  using result = std::remove_cvref_t<decltype(std::declval<child&>().eval(f(std::declval<child&>())))>;
  using element = typename result::value_type;
  element const* data = nullptr;
  sizes<result::rank> extents;
  {
    auto quiet = ctx.no_record();
    auto const y = quiet.eval(f(quiet));
    data = y.data(), extents = y.extents();
  }
  index const size = product(extents);
  element* const to = ctx.template allocate<element>(size);  // where the child's memory began: the ranges may overlap
  Ctx::memory::move(to, data, static_cast<std::size_t>(size) * sizeof(element));
  return ctx.template wrap<typename result::axes_type>(to, extents);
}

}  // namespace SPEARSTORM_NS
