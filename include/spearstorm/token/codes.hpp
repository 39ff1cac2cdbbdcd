#pragma once
// Codes of a codec as host arrays: their range, their padding, and what is known about them before any model is trained.

#include <cmath>
#include <vector>

#include "spearstorm/runtime/array.hpp"

namespace SPEARSTORM_NS::token {

using code_array = array<std::int32_t, axes::batch<>, axes::frames<>, axes::levels<>>;  ///< one id per frame and level
using id_array = array<std::int32_t, axes::batch<>, axes::frames<>>;                    ///< one id per frame
using flag_array = array<flag, axes::batch<>, axes::frames<>>;                          ///< one flag per frame

/// The id that stands for "masked" at every level: one above the last code, as in soundstorm-pytorch.
constexpr std::int32_t mask_id(index codebook_size) { return static_cast<std::int32_t>(codebook_size); }

namespace detail {
inline void check_valid(std::string_view function, flag_array const& valid, index batch, index frames) {
  check_size(function, "valid", "batch", valid.extent(0), "codes", batch);
  check_size(function, "valid", "frames", valid.extent(1), "codes", frames);
}

/// A codebook holds at least one code, and its mask id fits the id type.
inline void check_codebook(std::string_view function, index codebook_size) {
  check_range<index>(function, "codebook_size", codebook_size, 1, 2147483646);
}
}  // namespace detail

/// Every frame counts.
inline flag_array all_valid(index batch, index frames) { return flag_array({batch, frames}, flag{1}); }

/// Ids lie in [0, codebook_size) wherever the frame is valid; padded frames may hold anything.
/// @shape codes (batch, frames, levels)  valid (batch, frames)
/// @throws value_error naming function, example (counted from first_example), frame, level, the id found and the range expected
inline void check_codes(std::string_view function, code_array const& codes, index codebook_size, flag_array const& valid,
                        index first_example = 0) {
  index const batch = codes.extent(0), frames = codes.extent(1), levels = codes.extent(2);
  detail::check_codebook(function, codebook_size);
  detail::check_valid(function, valid, batch, frames);
  std::int32_t const* id = codes.data();
  for (index b = 0; b < batch; ++b)
    for (index t = 0; t < frames; ++t)
      for (index l = 0; l < levels; ++l, ++id)
        if (valid.data()[b * frames + t] && (*id < 0 || *id >= codebook_size))
          fail<value_error>(function, ": codes of example ", first_example + b, ", frame ", t, ", level ", l, " hold ", *id,
                            ", expected 0 to ", codebook_size - 1);
}

/// The same where all frames count.
inline void check_codes(std::string_view function, code_array const& codes, index codebook_size) {
  check_codes(function, codes, codebook_size, all_valid(codes.extent(0), codes.extent(1)));
}

/// 0 where any level of a frame holds pad_id, as soundstorm-pytorch reads padding; else 1.
/// @shape codes (batch, frames, levels)  returns (batch, frames)
inline flag_array valid_frames(code_array const& codes, std::int32_t pad_id) {
  index const levels = codes.extent(2);
  flag_array valid({codes.extent(0), codes.extent(1)}, flag{1});
  for (index i = 0; i < codes.size(); ++i)
    if (codes.data()[i] == pad_id) valid.data()[i / levels] = 0;
  return valid;
}

/// The first lengths[b] frames of row b are valid.
/// @throws value_error where a length lies outside [0, frames]
inline flag_array valid_frames(std::span<index const> lengths, index frames) {
  flag_array valid({static_cast<index>(lengths.size()), frames});
  for (index b = 0; b < valid.extent(0); ++b) {
    index const length = lengths[static_cast<std::size_t>(b)];
    check_range<index>("valid_frames", "length", length, 0, frames);
    std::fill_n(valid.data() + b * frames, length, flag{1});
  }
  return valid;
}

/// How many frames of each row are valid.
/// @throws value_error where a valid frame follows a padded one: such a row has no length
inline std::vector<index> valid_lengths(flag_array const& valid) {
  std::vector<index> lengths;
  index const frames = valid.extent(1);
  for (index b = 0; b < valid.extent(0); ++b) {
    flag const* row = valid.data() + b * frames;
    index const length = std::find(row, row + frames, flag{0}) - row;
    index const again = std::find_if(row + length, row + frames, [](flag f) { return f != 0; }) - row;
    if (again < frames)
      fail<value_error>("valid_lengths: frame ", again, " of row ", b, " is valid, expected padding from frame ", length, " on");
    lengths.push_back(length);
  }
  return lengths;
}

/// A copy with every padded frame set to id at all levels, so that a gather never meets a padding id.
inline code_array fill_padding(code_array codes, flag_array const& valid, std::int32_t id) {
  detail::check_valid("fill_padding", valid, codes.extent(0), codes.extent(1));
  index const levels = codes.extent(2);
  for (index i = 0; i < codes.size(); ++i)
    if (!valid.data()[i / levels]) codes.data()[i] = id;
  return codes;
}

/// What one level's codes look like: a model's loss there must beat `entropy`, a healthy codebook has `used` near its size.
struct level_statistics {
  index count = 0;     ///< codes seen
  index used = 0;      ///< different codes among them
  double entropy = 0;  ///< of their frequencies, in nats, nothing added to the counts
};

/// Counts codes level by level over any number of arrays.
class code_counts {
 public:
  code_counts(index levels, index codebook_size) : levels_(levels), codebook_size_(codebook_size) {
    check_range<index>("code_counts", "levels", levels, 1, 1 << 20);
    detail::check_codebook("code_counts", codebook_size);
    counts_.assign(static_cast<std::size_t>(levels * codebook_size), 0);
  }

  /// Adds the valid frames of codes.
  /// @throws shape_error where levels differ, value_error where an id is out of range (nothing is added then)
  void add(code_array const& codes, flag_array const& valid) {
    check_size("code_counts", "codes", "levels", codes.extent(2), "counts", levels_);
    check_codes("code_counts", codes, codebook_size_, valid);
    for (index i = 0; i < codes.size(); ++i)
      if (valid.data()[i / levels_]) ++counts_[static_cast<std::size_t>(i % levels_ * codebook_size_ + codes.data()[i])];
  }
  void add(code_array const& codes) { add(codes, all_valid(codes.extent(0), codes.extent(1))); }

  /// How often each code occurred at a level.
  std::span<index const> of(index level) const {
    check_range<index>("code_counts", "level", level, 0, levels_ - 1);
    return std::span<index const>(counts_).subspan(static_cast<std::size_t>(level * codebook_size_),
                                                   static_cast<std::size_t>(codebook_size_));
  }

  /// @math entropy = -sum_c p_c log p_c,  p_c = n_c / n
  level_statistics statistics(index level) const {
    level_statistics s;
    for (index n : of(level)) s.count += n, s.used += n > 0;
    for (index n : of(level)) {
      double const p = n > 0 ? static_cast<double>(n) / static_cast<double>(s.count) : 0.0;
      if (n > 0) s.entropy -= p * std::log(p);
    }
    return s;
  }

  /// The unigram entropy of every level in nats.
  std::vector<double> entropies() const {
    std::vector<double> all;
    for (index l = 0; l < levels_; ++l) all.push_back(statistics(l).entropy);
    return all;
  }

 private:
  index levels_, codebook_size_;
  std::vector<index> counts_;
};

/// Unigram entropy in nats of each level over a set of arrays: the loss of the best guess that looks at nothing.
inline std::vector<double> unigram_entropy(std::span<code_array const> set, index codebook_size) {
  if (set.empty()) fail<value_error>("unigram_entropy: 0 arrays, expected 1 or more");
  code_counts counts(set.front().extent(2), codebook_size);
  for (code_array const& codes : set) counts.add(codes);
  return counts.entropies();
}

}  // namespace SPEARSTORM_NS::token
