#pragma once
// The logits of one pass as the host reads them, with guidance applied row by row.

#include "spearstorm/runtime/array.hpp"
#include "spearstorm/token/guidance.hpp"

namespace SPEARSTORM_NS::soundstorm {

/// Where a pass is guided, the rows without the condition follow those with it. A policy whose memory the host can read lends the pass's own
/// tensor, which lives as long as its frame; else they are a copy.
template <class T>
struct pass_logits {
  array<T, axes::rows<>, axes::vocab<>> values{};
  std::span<T const> lent{};  ///< (rows, vocab), instead of values
  index lent_vocab = 0;
  token::guidance_options guidance{};
  bool guided = false;

  index rows() const {
    index const all = lent_vocab > 0 ? static_cast<index>(lent.size()) / lent_vocab : values.extent(0);
    return guided ? all / 2 : all;
  }
  index vocab() const { return lent_vocab > 0 ? lent_vocab : values.extent(1); }

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
    auto const all = lent_vocab > 0 ? lent : values.values();
    return all.subspan(static_cast<std::size_t>(r * vocab()), static_cast<std::size_t>(vocab()));
  }
};

}  // namespace SPEARSTORM_NS::soundstorm
