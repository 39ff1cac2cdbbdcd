#pragma once
// The rows of a generation while tokens are added: which go on, what the listener hears, what comes back.

#include "spearstorm/spear_tts/generate_options.hpp"

namespace SPEARSTORM_NS::spear_tts {

/// The rows while they grow: ids of each example, and which of them go on.
class growing_rows {
 public:
  /// @param eos the id that ends a row; below 0: none does
  growing_rows(index examples, std::int32_t eos, generate_options const& of) : of_(&of), eos_(eos) {
    ids.resize(static_cast<std::size_t>(examples));
    ended.resize(static_cast<std::size_t>(examples), flag{0});
  }

  std::vector<token::sequence> ids;  ///< (examples), with the eos of those that have ended
  std::vector<flag> ended;

  index length(index example) const { return static_cast<index>(ids[static_cast<std::size_t>(example)].size()); }
  bool open(index example) const { return !ended[static_cast<std::size_t>(example)] && length(example) < of_->max_length; }
  /// A token that stands. False where the row ends with it, or had ended before.
  bool append(index example, std::int32_t id) {
    if (!open(example)) return false;
    auto const at = static_cast<std::size_t>(example);
    ids[at].push_back(id);
    ended[at] = id == eos_;
    if (of_->on_token && (!ended[at] || of_->keep_eos)) of_->on_token(example, length(example) - 1, id);
    return open(example);
  }
  /// After a step: how long the longest row is.
  void report() const {
    if (!of_->progress) return;
    index longest = 0;
    for (auto const& row : ids) longest = std::max(longest, static_cast<index>(row.size()));
    of_->progress(longest, of_->max_length);
  }
  generated result(token::id_array source) const {
    auto rows = ids;
    if (!of_->keep_eos)
      for (std::size_t b = 0; b < rows.size(); ++b)
        if (ended[b]) rows[b].pop_back();
    auto all = token::pad_rows(rows);
    auto valid = token::valid_ids(all);
    return {std::move(all), std::move(valid), ended, std::move(source)};
  }

 private:
  generate_options const* of_;
  std::int32_t eos_;
};

}  // namespace SPEARSTORM_NS::spear_tts
