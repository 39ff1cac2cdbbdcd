#pragma once
// Short-time Fourier transform and its inverse, with torch.stft's conventions.

#include <algorithm>

#include "spearstorm/dsp/fft.hpp"
#include "spearstorm/dsp/window.hpp"
#include "spearstorm/runtime/array.hpp"

namespace SPEARSTORM_NS::dsp {

struct stft_options {
  index n_fft = 1024;
  index hop = 320;
  index window = 1024;  ///< length of the periodic Hann window, centred in n_fft
  bool center = true;   ///< frame t is centred at sample t * hop, the signal reflected at its ends; else frame t starts there

  friend bool operator==(stft_options const&, stft_options const&) = default;
};

/// Complex spectra of a signal's frames.
using spectrogram = array<std::complex<float>, axes::frames<>, axes::bins<>>;

/// Keeps window, transform and scratch of one setting, for repeated use by one thread.
/// @throws value_error for settings out of range
class stft_plan {
 public:
  explicit stft_plan(stft_options options = {})
      : options_(checked(options)), fft_(options.n_fft), window_(static_cast<std::size_t>(options.n_fft)) {
    std::ranges::copy(hann_window(options.window), window_.begin() + (options.n_fft - options.window) / 2);
    frame_.resize(window_.size());
  }

  stft_options const& options() const { return options_; }
  index bins() const { return fft_.bins(); }

  /// Frames of a signal.
  /// @throws shape_error where it is too short for one frame, or for its reflection
  index frames(index samples) const {
    if (options_.center && samples <= options_.n_fft / 2)
      fail<shape_error>("stft: audio has samples = ", samples, ", its reflection needs more than n_fft / 2 = ", options_.n_fft / 2);
    if (!options_.center && samples < options_.n_fft)
      fail<shape_error>("stft: audio has samples = ", samples, ", one frame needs n_fft = ", options_.n_fft);
    return 1 + (samples + 2 * padding() - options_.n_fft) / options_.hop;
  }
  /// Samples that `frames` frames span without further padding.
  index samples(index frames) const { return (frames - 1) * options_.hop + options_.n_fft - 2 * padding(); }

  /// @shape audio (samples)  spectra (frames(samples), bins)
  void forward(std::span<float const> audio, std::span<std::complex<float>> spectra) {
    index const count = frames(static_cast<index>(audio.size()));
    check_size("stft", "spectra", "size", static_cast<index>(spectra.size()), "audio", count * bins());
    if (options_.center) audio = reflected(audio);
    for (index t = 0; t < count; ++t) {
      float const* const from = audio.data() + t * options_.hop;
      for (std::size_t i = 0; i < frame_.size(); ++i) frame_[i] = from[i] * window_[i];
      fft_.forward(frame_, spectra.subspan(static_cast<std::size_t>(t * bins()), static_cast<std::size_t>(bins())));
    }
  }

  /// Windowed overlap-add divided by the windows' summed squares: the signal whose frames are nearest to the spectra.
  /// @shape spectra (frames, bins)  audio (samples); samples beyond the frames' span are 0
  void inverse(std::span<std::complex<float> const> spectra, std::span<float> audio) {
    check_size("istft", "spectra", "size modulo bins", static_cast<index>(spectra.size()) % bins(), "plan", 0);
    index const count = static_cast<index>(spectra.size()) / bins();
    sum_windows(count);
    padded_.assign(weight_.size(), 0.0f);
    for (index t = 0; t < count; ++t) {
      fft_.inverse(spectra.subspan(static_cast<std::size_t>(t * bins()), static_cast<std::size_t>(bins())), frame_);
      float* const to = padded_.data() + t * options_.hop;
      for (std::size_t i = 0; i < frame_.size(); ++i) to[i] += frame_[i] * window_[i];
    }
    std::size_t const skip = static_cast<std::size_t>(padding());
    for (std::size_t i = 0; i < audio.size(); ++i) audio[i] = i + skip < padded_.size() ? padded_[i + skip] * weight_[i + skip] : 0.0f;
  }

 private:
  static stft_options checked(stft_options const& options) {
    check_range<index>("stft", "n_fft", options.n_fft, 2, index{1} << 26);
    check_range<index>("stft", "hop", options.hop, 1, options.n_fft);
    check_range<index>("stft", "window", options.window, 1, options.n_fft);
    return options;
  }
  index padding() const { return options_.center ? options_.n_fft / 2 : 0; }

  std::span<float const> reflected(std::span<float const> audio) {
    std::size_t const pad = static_cast<std::size_t>(padding()), n = audio.size();
    padded_.resize(n + 2 * pad);
    std::ranges::copy(audio, padded_.begin() + static_cast<index>(pad));
    for (std::size_t i = 1; i <= pad; ++i) {  // the end samples are not repeated
      padded_[pad - i] = audio[i];
      padded_[pad + n - 1 + i] = audio[n - 1 - i];
    }
    return padded_;
  }

  /// weight_ = 1 / (summed squares of the windows); 0 where no window reaches.
  void sum_windows(index count) {
    std::size_t const length = count == 0 ? 0 : static_cast<std::size_t>((count - 1) * options_.hop + options_.n_fft);
    if (weight_.size() == length) return;
    weight_.assign(length, 0.0f);
    for (index t = 0; t < count; ++t)
      for (std::size_t i = 0; i < window_.size(); ++i) weight_[static_cast<std::size_t>(t * options_.hop) + i] += window_[i] * window_[i];
    for (float& weight : weight_) weight = weight > 1e-10f ? 1.0f / weight : 0.0f;
  }

  stft_options options_;
  real_fft fft_;
  std::vector<float> window_, frame_, padded_, weight_;
};

/// @shape audio (samples)  returns (frames, bins)
/// @throws value_error for settings out of range, shape_error for audio that is too short
inline spectrogram stft(std::span<float const> audio, stft_options const& options = {}) {
  stft_plan plan(options);
  spectrogram spectra({plan.frames(static_cast<index>(audio.size())), plan.bins()});
  plan.forward(audio, spectra.values());
  return spectra;
}

/// @shape spectra (frames, bins)  returns (samples): `length` of them, by default what the frames span
inline std::vector<float> istft(spectrogram const& spectra, stft_options const& options = {}, index length = dynamic) {
  stft_plan plan(options);
  check_size("istft", "spectra", "bins", spectra.extent(1), "n_fft", plan.bins());
  if (length == dynamic) length = spectra.extent(0) == 0 ? 0 : std::max<index>(0, plan.samples(spectra.extent(0)));
  check_range<index>("istft", "length", length, 0, index{1} << 40);
  std::vector<float> audio(static_cast<std::size_t>(length));
  plan.inverse(spectra.values(), audio);
  return audio;
}

/// |z| of each element; without the range reduction of std::abs, which audio does not need.
inline void magnitudes(std::span<std::complex<float> const> spectra, std::span<float> out) {
  check_size("magnitudes", "out", "size", static_cast<index>(out.size()), "spectra", static_cast<index>(spectra.size()));
  for (std::size_t i = 0; i < out.size(); ++i) {
    float const re = spectra[i].real(), im = spectra[i].imag();
    out[i] = std::sqrt(re * re + im * im);
  }
}

}  // namespace SPEARSTORM_NS::dsp
