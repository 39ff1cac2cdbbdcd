#pragma once
// How long a semantic token lasts on the average: what makes a row without repeats as long as speech again.

#include <cmath>

#include "spearstorm/token/sequences.hpp"

namespace SPEARSTORM_NS::token {

/// Mean run lengths by id, learned from rows that still have their repeats.
class mean_durations {
 public:
  mean_durations() = default;
  /// @param frames mean length of each id's runs, 1 or more
  /// @throws value_error where one is below 1
  explicit mean_durations(std::vector<double> frames) : frames_(std::move(frames)) {
    for (std::size_t id = 0; id < frames_.size(); ++id)
      if (!(frames_[id] >= 1)) fail<value_error>("mean_durations: id ", id, " lasts ", frames_[id], " frames, expected 1 or more");
  }
  /// An id that no row holds lasts as long as the mean of all runs.
  /// @throws value_error where an id lies outside [0, ids), or there is no run
  static mean_durations learn(std::span<sequence const> rows, index ids) {
    std::vector<double> sums(static_cast<std::size_t>(ids)), counts(static_cast<std::size_t>(ids));
    double sum = 0, count = 0;
    for (sequence const& row : rows) {
      auto const runs = unique_consecutive(row);
      for (std::size_t i = 0; i < runs.ids.size(); ++i) {
        check_range<std::int32_t>("mean_durations", "id", runs.ids[i], 0, static_cast<std::int32_t>(ids - 1));
        auto const at = static_cast<std::size_t>(runs.ids[i]);
        sums[at] += static_cast<double>(runs.lengths[i]), counts[at] += 1;
        sum += static_cast<double>(runs.lengths[i]), count += 1;
      }
    }
    if (count == 0) fail<value_error>("mean_durations: no ids in ", rows.size(), " rows, expected 1 or more");
    std::vector<double> frames;
    for (std::size_t id = 0; id < sums.size(); ++id) frames.push_back(counts[id] > 0 ? sums[id] / counts[id] : sum / count);
    return mean_durations(std::move(frames));
  }

  std::vector<double> const& frames() const { return frames_; }

  /// Each id as often as it lasts; what rounding takes from one it gives to the next, so that the whole keeps its length.
  /// @param stretch 2: half as fast
  /// @throws value_error where an id has no duration, or stretch is not above 0
  sequence spoken(std::span<std::int32_t const> ids, double stretch = 1) const {
    if (!(stretch > 0)) fail<value_error>("mean_durations: stretch = ", stretch, ", expected more than 0");
    sequence made;
    double end = 0;
    for (std::int32_t id : ids) {
      check_range<std::int32_t>("mean_durations", "id", id, 0, static_cast<std::int32_t>(frames_.size()) - 1);
      end += frames_[static_cast<std::size_t>(id)] * stretch;
      auto const until = std::max(static_cast<std::size_t>(std::llround(end)), made.size() + 1);  // at least once
      made.resize(until, id);
    }
    return made;
  }

 private:
  std::vector<double> frames_;
};

}  // namespace SPEARSTORM_NS::token
