#pragma once
// Texts as one batch of ids, padded with -1.

#include "spearstorm/runtime/array.hpp"
#include "spearstorm/text/tokenizer.hpp"

namespace SPEARSTORM_NS::text {

/// Named as in x_clip.
struct tokenize_options {
  index context_length = 256;          ///< the longest row allowed; x_clip
  bool truncate_text = false;          ///< longer texts are cut, else they are an error; x_clip
  bool pad_to_context_length = false;  ///< the batch has context_length frames, else those of its longest text; x_clip
};

/// A row for each text; what stands behind its ids is -1. x_clip pads with 0, which its own vocabulary gives to "!".
/// @shape returns (batch, frames)
/// @throws value_error for a text longer than the context, format_error for one that is no UTF-8
template <tokenizer T>
array<std::int32_t, axes::batch<>, axes::frames<>> tokenize(T const& with, std::span<std::string const> texts,
                                                            tokenize_options const& options = {}) {
  index const most = options.context_length;
  check_range<index>("tokenize", "context_length", most, 1, index{1} << 31);
  std::vector<std::vector<std::int32_t>> rows;
  index frames = options.pad_to_context_length ? most : 0;
  for (std::string const& text : texts) {
    auto& row = rows.emplace_back(with.encode(text));
    if (static_cast<index>(row.size()) > most) {
      if (!options.truncate_text)
        fail<value_error>("tokenize: text ", rows.size() - 1, " has ", row.size(), " ids, expected at most context_length = ", most);
      row.resize(static_cast<std::size_t>(most));
    }
    frames = std::max(frames, static_cast<index>(row.size()));
  }
  array<std::int32_t, axes::batch<>, axes::frames<>> ids({static_cast<index>(rows.size()), frames}, -1);  // (batch, frames)
  for (std::size_t b = 0; b < rows.size(); ++b) std::copy(rows[b].begin(), rows[b].end(), ids.data() + static_cast<index>(b) * frames);
  return ids;
}

}  // namespace SPEARSTORM_NS::text
