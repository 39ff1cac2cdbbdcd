#pragma once
// Mel filter banks with the HTK scale and unit peaks: torchaudio.functional.melscale_fbanks(..., norm=None, mel_scale="htk").

#include <cmath>
#include <span>
#include <vector>

#include "spearstorm/runtime/array.hpp"

namespace SPEARSTORM_NS::dsp {

/// @math 2595 log10(1 + hz / 700)
inline double hz_to_mel(double hz) { return 2595 * std::log10(1 + hz / 700); }
inline double mel_to_hz(double mel) { return 700 * (std::pow(10.0, mel / 2595) - 1); }

struct mel_options {
  index sample_hz = 16000;
  index n_fft = 1024;
  index bands = 80;
  float low_hz = 0;
  float high_hz = 0;  ///< 0: half of sample_hz

  friend bool operator==(mel_options const&, mel_options const&) = default;
};

/// Triangles that rise from the previous band's centre to this one's and fall to the next one's, kept without their zeros.
/// @throws value_error for settings out of range, and where a band is so narrow that it holds no bin
/// @see tests/dsp/mel.test.cpp
class mel_filters {
 public:
  explicit mel_filters(mel_options const& options = {}) : options_(options), bins_(options.n_fft / 2 + 1) {
    check_range<index>("mel_filters", "sample_hz", options.sample_hz, 1, 10'000'000);
    check_range<index>("mel_filters", "n_fft", options.n_fft, 2, index{1} << 26);
    check_range<index>("mel_filters", "bands", options.bands, 1, bins_);
    double const half = 0.5 * static_cast<double>(options.sample_hz);
    double const top = options.high_hz == 0 ? half : static_cast<double>(options.high_hz);
    check_range<double>("mel_filters", "high_hz", top, 0, half);
    check_range<double>("mel_filters", "low_hz", options.low_hz, 0, top);
    double const low = hz_to_mel(options.low_hz), step = (hz_to_mel(top) - low) / static_cast<double>(options.bands + 1);
    auto corner = [&](index m) { return mel_to_hz(low + step * static_cast<double>(m)); };
    for (index m = 0; m < options.bands; ++m) add_band(corner(m), corner(m + 1), corner(m + 2));
  }

  mel_options const& options() const { return options_; }
  index bands() const { return options_.bands; }
  index bins() const { return bins_; }
  float weight(index at_band, index bin) const {
    band const& b = bands_.at(static_cast<std::size_t>(at_band));
    index const i = bin - b.first;
    return i >= 0 && i < static_cast<index>(b.weights.size()) ? b.weights[static_cast<std::size_t>(i)] : 0.0f;
  }

  /// @shape spectrum (bins), magnitudes or powers  mel (bands)
  void apply(std::span<float const> spectrum, std::span<float> mel) const {
    check(static_cast<index>(spectrum.size()), static_cast<index>(mel.size()));
    for (std::size_t m = 0; m < bands_.size(); ++m) {
      float sum = 0;
      for (std::size_t i = 0; i < bands_[m].weights.size(); ++i)
        sum += bands_[m].weights[i] * spectrum[static_cast<std::size_t>(bands_[m].first) + i];
      mel[m] = sum;
    }
  }

  /// A spectrum of no negative value whose bands come near `mel`, by multiplicative updates of the least squares (Lee and Seung 2001).
  /// Bins that no band sees become 0.
  /// @math x <- x * (W' mel) / (W' W x), from x = (W' mel) / (W' 1)
  /// @shape mel (bands), none negative  spectrum (bins)
  void invert(std::span<float const> mel, std::span<float> spectrum, index iterations = 30) const {
    check(static_cast<index>(spectrum.size()), static_cast<index>(mel.size()));
    std::vector<float> wanted(spectrum.size()), have(spectrum.size()), now(mel.size());
    spread(mel, wanted);
    spread(std::vector<float>(mel.size(), 1.0f), have);
    for (std::size_t k = 0; k < spectrum.size(); ++k) spectrum[k] = have[k] > 0 ? wanted[k] / have[k] : 0.0f;
    for (index i = 0; i < iterations; ++i) {
      apply(spectrum, now);
      spread(now, have);
      for (std::size_t k = 0; k < spectrum.size(); ++k) spectrum[k] *= wanted[k] / (have[k] + 1e-20f);
    }
  }

 private:
  struct band {
    index first = 0;
    std::vector<float> weights;
  };

  void add_band(double left, double centre, double right) {
    band added;
    for (index k = 0; k < bins_; ++k) {
      double const hz = static_cast<double>(k) * static_cast<double>(options_.sample_hz) / static_cast<double>(options_.n_fft);
      double const height = std::min((hz - left) / (centre - left), (right - hz) / (right - centre));
      if (height <= 0) continue;  // a triangle's bins are neighbours, so no gap arises
      if (added.weights.empty()) added.first = k;
      added.weights.push_back(static_cast<float>(height));
    }
    if (added.weights.empty())
      fail<value_error>("mel_filters: band ", bands_.size(), " of ", options_.bands, " holds no bin of n_fft = ", options_.n_fft,
                        "; take fewer bands");
    bands_.push_back(std::move(added));
  }
  /// W' mel
  void spread(std::span<float const> mel, std::span<float> spectrum) const {
    std::ranges::fill(spectrum, 0.0f);
    for (std::size_t m = 0; m < bands_.size(); ++m)
      for (std::size_t i = 0; i < bands_[m].weights.size(); ++i)
        spectrum[static_cast<std::size_t>(bands_[m].first) + i] += bands_[m].weights[i] * mel[m];
  }
  void check(index found_bins, index found_bands) const {
    check_size("mel_filters", "spectrum", "bins", found_bins, "bank", bins_);
    check_size("mel_filters", "mel", "bands", found_bands, "bank", bands());
  }

  mel_options options_;
  index bins_;
  std::vector<band> bands_;
};

}  // namespace SPEARSTORM_NS::dsp
