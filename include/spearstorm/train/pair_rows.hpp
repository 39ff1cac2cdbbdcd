#pragma once
// What sequence models are trained on, row by row: text to speech, speech to text, speech alone.

#include "spearstorm/train/pair_set.hpp"

namespace SPEARSTORM_NS::train {

/// Rows of ids from 0 on, without padding and eos. A task that makes its own target, as deletion does, has rows with an empty one.
template <class R>
concept row_source = requires(R const& rows, index i) {
  { rows.size() } -> std::convertible_to<index>;
  { rows.source(i) } -> std::convertible_to<std::span<std::int32_t const>>;
  { rows.target(i) } -> std::convertible_to<std::span<std::int32_t const>>;
};

struct text_to_speech_rows {
  pair_set set;
  index size() const { return set.size(); }
  std::span<std::int32_t const> source(index i) const { return set[i].text; }
  std::span<std::int32_t const> target(index i) const { return set[i].semantic; }
};

/// Back-translation.
struct speech_to_text_rows {
  pair_set set;
  index size() const { return set.size(); }
  std::span<std::int32_t const> source(index i) const { return set[i].semantic; }
  std::span<std::int32_t const> target(index i) const { return set[i].text; }
};

/// The speech of pairs.
struct speech_rows {
  pair_set set;
  index size() const { return set.size(); }
  std::span<std::int32_t const> source(index i) const { return set[i].semantic; }
  std::span<std::int32_t const> target(index) const { return {}; }
};

/// Rows in memory; no targets, or as many as there are sources.
struct rows_in_memory {
  std::vector<token::sequence> sources, targets{};
  index size() const { return static_cast<index>(sources.size()); }
  std::span<std::int32_t const> source(index i) const { return sources.at(static_cast<std::size_t>(i)); }
  std::span<std::int32_t const> target(index i) const {
    return targets.empty() ? std::span<std::int32_t const>{} : targets.at(static_cast<std::size_t>(i));
  }
};

}  // namespace SPEARSTORM_NS::train
