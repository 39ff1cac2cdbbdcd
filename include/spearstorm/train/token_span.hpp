#pragma once
// Stretches of an utterance: codes and the semantic tokens of the same time, cut together and laid into the rows of a batch.

#include <numeric>
#include <span>

#include "spearstorm/soundstorm/token_batch.hpp"
#include "spearstorm/train/token_file.hpp"

namespace SPEARSTORM_NS::train {

/// So many frames last as long as so many semantic tokens, and no fewer do: cuts between such blocks cut no token. (1, 0) without tokens.
struct token_grid {
  index frames = 1, tokens = 0;

  token_grid() = default;
  /// @throws value_error where the rates have so little in common that a block holds over 2^20 frames or tokens
  explicit token_grid(token_info const& info) {
    if (!info.semantic.given()) return;
    frames = info.sample_hz * info.semantic.downsample_factor;  // frames a second : tokens a second, over their common divisor
    tokens = info.semantic.sample_hz * info.downsample_factor;
    index const common = std::gcd(frames, tokens);
    frames /= common, tokens /= common;
    if (std::max(frames, tokens) > 1 << 20)
      fail<value_error>("token_grid: ", frames, " frames last as long as ", tokens, " semantic tokens, expected at most 1048576 of each");
  }
  /// Tokens that begin within so many frames.
  index tokens_in(index count) const { return (count * tokens + frames - 1) / frames; }
};

/// Views of an utterance, or of part of one.
struct token_span {
  std::span<std::int32_t const> codes;  ///< (frames, levels)
  std::span<std::int32_t const> semantic;
  index levels = 1;

  index frames() const { return static_cast<index>(codes.size()) / levels; }
};

/// @param first a multiple of the grid's frames
inline token_span token_span_of(utterance const& of, index first, index frames, token_grid const& grid) {
  index const levels = of.codes.extent(1), have = static_cast<index>(of.semantic.size());
  index const from = std::min(first / grid.frames * grid.tokens, have), count = std::min(grid.tokens_in(frames), have - from);
  return {of.codes.values().subspan(static_cast<std::size_t>(first * levels), static_cast<std::size_t>(frames * levels)),
          std::span(of.semantic).subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(count)), levels};
}

/// Fills a batch with rows, each of parts one behind the other: codes with 0 and semantic tokens with -1 behind their ends, and which
/// frames are valid where the rows are not of one length.
inline void join_rows_(std::span<std::vector<token_span> const> rows, index levels, soundstorm::token_batch& batch) {
  auto const n = static_cast<index>(rows.size());
  std::vector<index> frames, tokens;
  for (auto const& parts : rows) {
    frames.push_back(0), tokens.push_back(0);
    for (auto const& part : parts) frames.back() += part.frames(), tokens.back() += static_cast<index>(part.semantic.size());
  }
  index const longest = *std::max_element(frames.begin(), frames.end()), most = *std::max_element(tokens.begin(), tokens.end());
  batch.codes = token::code_array({n, longest, levels});
  batch.semantic = most > 0 ? token::id_array({n, most}, -1) : token::id_array{};
  batch.valid = {};
  if (*std::min_element(frames.begin(), frames.end()) < longest) batch.valid = token::valid_frames(frames, longest);
  for (index b = 0; b < n; ++b) {
    auto to = batch.codes.begin() + b * longest * levels, ids = batch.semantic.begin() + b * most;
    for (auto const& part : rows[static_cast<std::size_t>(b)]) {
      to = std::copy(part.codes.begin(), part.codes.end(), to);
      ids = std::copy(part.semantic.begin(), part.semantic.end(), ids);
    }
  }
}

}  // namespace SPEARSTORM_NS::train
