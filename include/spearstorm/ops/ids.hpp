#pragma once
// Ids come from data, so ops look at their content before they read memory by it.

#include <limits>
#include <span>
#include <vector>

#include "spearstorm/tape/context.hpp"

namespace SPEARSTORM_NS::detail {

/// Calls look(std::span) on a tensor's content where that costs no transfer: in host memory, and anywhere in anomaly mode.
/// A device is not made to wait for this in normal runs.
template <class T, class... Axes>
void inspect(context_like auto& ctx, tensor<T, Axes...> const& x, auto const& look) {
  using memory = typename std::remove_reference_t<decltype(ctx)>::memory;
  auto const size = static_cast<std::size_t>(x.size());
  if constexpr (memory::on_host) {
    look(std::span<T const>(x.data(), size));
  } else if (ctx.work().anomaly()) {
    std::vector<T> host(size);
    memory::copy_out(host.data(), x.data(), size * sizeof(T));
    look(std::span<T const>(host));
  }
}

/// `embed: ids at position 3 = 12, expected 0 to 9`; `except` is a value that is let through.
/// @throws value_error at the first id outside [0, count), where the content can be looked at
template <class... Axes>
void check_ids(context_like auto& ctx, char const* function, char const* argument, tensor<std::int32_t, Axes...> const& ids, index count,
               index except = std::numeric_limits<index>::min()) {
  inspect(ctx, ids, [&](std::span<std::int32_t const> of) {
    for (std::size_t i = 0; i < of.size(); ++i)
      if ((of[i] < 0 || of[i] >= count) && of[i] != except)
        fail<value_error>(function, ": ", argument, " at position ", i, " = ", of[i], ", expected 0 to ", count - 1);
  });
}

}  // namespace SPEARSTORM_NS::detail
