#pragma once
// The logits of one pass on the host, with guidance applied row by row when they are read.

#include "spearstorm/runtime/array.hpp"
#include "spearstorm/token/guidance.hpp"

namespace SPEARSTORM_NS::soundstorm {

/// Where a pass is guided, the rows without the condition follow those with it.
template <class T>
struct pass_logits {
  array<T, axes::rows<>, axes::vocab<>> values{};
  token::guidance_options guidance{};
  bool guided = false;

  index rows() const { return guided ? values.extent(0) / 2 : values.extent(0); }
  index vocab() const { return values.extent(1); }

  /// One row as floats; `room` holds it where it is not stored as such.
  std::span<float const> row(index r, std::vector<float>& room) const {
    auto const at = stored(r);
    if (guided)
      room = token::guided(at, stored(r + rows()), guidance);
    else if constexpr (std::is_same_v<T, float>)
      return at;
    else
      room.assign(at.begin(), at.end());
    return room;
  }

 private:
  std::span<T const> stored(index r) const {
    return values.values().subspan(static_cast<std::size_t>(r * vocab()), static_cast<std::size_t>(vocab()));
  }
};

}  // namespace SPEARSTORM_NS::soundstorm
