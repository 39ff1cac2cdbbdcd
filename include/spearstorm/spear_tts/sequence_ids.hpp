#pragma once
// Ids of a batch on their way into a TextToSemantic: checked, ended, and with a harmless id where padding stands.

#include "spearstorm/spear_tts/shape.hpp"
#include "spearstorm/token/sequences.hpp"

namespace SPEARSTORM_NS::spear_tts {

/// Ids that a network may look up, and which of them are real.
struct entered_ids {
  token::id_array ids;      ///< (batch, frames), 0 for padding
  token::flag_array valid;  ///< (batch, frames), 1 for a real id

  bool padded() const { return std::find(valid.begin(), valid.end(), flag{0}) != valid.end(); }
};

/// @throws value_error that names example, position, the id found and the ids expected; where an id follows padding
inline void check_ids(std::string_view what, token::id_array const& ids, token_kind kind, text_to_semantic_shape const& shape) {
  bool const masks = what == "source" && kind == token_kind::speech && shape.semantic_mask_token;
  auto const count = eos_id(shape, kind);
  token::row_lengths(ids);
  for (index i = 0; i < ids.size(); ++i) {
    auto const id = ids.data()[i];
    if (id >= count && !(masks && id == mask_id(shape)))
      fail<value_error>("text_to_semantic: ", what, " (", name_of(kind), ") of example ", i / ids.extent(1), " holds ", id, " at position ",
                        i % ids.extent(1), ", expected 0 to ", count - 1, "; ",
                        count == id ? "the end of a row is set by the model" : "below 0 is padding");
  }
}

/// @param ends  appends the id that ends a row, where the model sets it
inline entered_ids entered(token::id_array ids, token_kind kind, text_to_semantic_shape const& shape, bool ends) {
  if (ends && sets_eos(shape, kind)) ids = token::with_eos(ids, eos_id(shape, kind));
  auto valid = token::valid_ids(ids);
  for (auto& id : ids.values())
    if (id < 0) id = 0;
  return {std::move(ids), std::move(valid)};
}

/// What the decoder may see of a source: the null key always, then the source's real frames where it is not hidden.
/// @param hidden (batch), 1 where an example's source is; empty: nowhere
/// @shape valid (batch, frames)  returns (batch, 1 + frames)
inline token::flag_array context_mask(token::flag_array const& valid, std::span<flag const> hidden) {
  index const batch = valid.extent(0), frames = valid.extent(1);
  if (!hidden.empty()) check_size("text_to_semantic", "hidden", "batch", static_cast<index>(hidden.size()), "the source", batch);
  token::flag_array mask({batch, frames + 1}, flag{1});
  for (index b = 0; b < batch; ++b)
    for (index t = 0; t < frames; ++t) mask(b, t + 1) = valid(b, t) && (hidden.empty() || !hidden[static_cast<std::size_t>(b)]);
  return mask;
}

/// The positions of a target that a loss is taken of, and what stands there.
struct target_rows {
  array<std::int32_t, axes::rows<>> rows;     ///< flat, into (batch, frames)
  array<std::int32_t, axes::rows<>> targets;  ///< the id that position must predict
  std::vector<index> lengths;                 ///< (batch), rows of each example
};

/// Position t of `frames` inputs predicts the t-th id of the ended target.
inline target_rows rows_of_targets(entered_ids const& target, index frames) {
  target_rows made;
  std::vector<std::int32_t> rows, targets;
  for (index b = 0; b < target.ids.extent(0); ++b) {
    std::size_t const before = rows.size();
    for (index t = 0; t < target.ids.extent(1); ++t)
      if (target.valid(b, t)) {
        rows.push_back(static_cast<std::int32_t>(b * frames + t));
        targets.push_back(target.ids(b, t));
      }
    made.lengths.push_back(static_cast<index>(rows.size() - before));
  }
  auto const count = static_cast<index>(rows.size());
  made.rows = {{count}, std::move(rows)};
  made.targets = {{count}, std::move(targets)};
  return made;
}

}  // namespace SPEARSTORM_NS::spear_tts
