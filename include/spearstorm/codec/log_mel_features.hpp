#pragma once
// Audio to log-mel frames and back. Back means: an approximate spectrum, then phases by Griffin-Lim.

#include "spearstorm/dsp/griffin_lim.hpp"
#include "spearstorm/dsp/mel.hpp"

namespace SPEARSTORM_NS::codec {

/// Every field goes into a saved codec and must agree when it is read.
struct log_mel_options {
  index sample_hz = 16000;
  index n_fft = 1024;
  index hop = 320;
  index bands = 80;
  float floor = 1e-2f;  ///< magnitudes below count as silence; a sine of amplitude 1 has n_fft / 4
  index mel_iterations = 30;
  index griffin_lim_iterations = 32;

  friend bool operator==(log_mel_options const&, log_mel_options const&) = default;
};

/// Const members may be called from several threads.
/// @math feature = log(max(floor, mel bands of |STFT|)), Hann windows of n_fft
class log_mel_features {
 public:
  using frames_type = array<float, axes::frames<>, axes::bins<>>;

  /// @throws value_error for settings out of range
  explicit log_mel_features(log_mel_options const& options = {})
      : options_(options), bank_({.sample_hz = options.sample_hz, .n_fft = options.n_fft, .bands = options.bands}) {
    check_range("log_mel_features", "floor", options.floor, 1e-10f, 1e10f);
    check_range<index>("log_mel_features", "mel_iterations", options.mel_iterations, 0, 100'000);
    check_range<index>("log_mel_features", "griffin_lim_iterations", options.griffin_lim_iterations, 0, 100'000);
    dsp::stft_plan const validated(transform());
  }

  log_mel_options const& options() const { return options_; }
  index frames(index samples) const { return (samples + options_.hop - 1) / options_.hop; }

  /// Frame t is centred in samples [t * hop, (t + 1) * hop); outside the audio there is silence.
  /// @shape audio (samples)  returns (ceil(samples / hop), bands)
  frames_type analyze(std::span<float const> audio) const {
    index const count = frames(static_cast<index>(audio.size()));
    frames_type found({count, options_.bands});
    if (count == 0) return found;
    std::vector<float> padded(static_cast<std::size_t>((count - 1) * options_.hop + options_.n_fft));
    std::copy(audio.begin(), audio.end(), padded.begin() + lead());
    dsp::spectrogram const spectra = dsp::stft(padded, transform());
    std::vector<float> levels(static_cast<std::size_t>(spectra.size()));
    dsp::magnitudes(spectra.values(), levels);
    for (index t = 0; t < count; ++t) {
      auto const mel = found.values().subspan(static_cast<std::size_t>(t * options_.bands), static_cast<std::size_t>(options_.bands));
      bank_.apply(std::span(levels).subspan(static_cast<std::size_t>(t * bank_.bins()), static_cast<std::size_t>(bank_.bins())), mel);
      for (float& value : mel) value = std::log(std::max(options_.floor, value));
    }
    return found;
  }

  /// @shape log_mel (frames, bands)  returns (frames * hop)
  std::vector<float> synthesize(frames_type const& log_mel) const {
    check_size("log_mel_features::synthesize", "log_mel", "bins", log_mel.extent(1), "bank", options_.bands);
    index const count = log_mel.extent(0);
    if (count == 0) return {};
    array<float, axes::frames<>, axes::bins<>> levels({count, bank_.bins()});
    std::vector<float> mel(static_cast<std::size_t>(options_.bands));
    for (index t = 0; t < count; ++t) {
      for (std::size_t m = 0; m < mel.size(); ++m)
        mel[m] = std::exp(std::min(20.0f, log_mel.data()[t * options_.bands + static_cast<index>(m)]));
      bank_.invert(mel, levels.values().subspan(static_cast<std::size_t>(t * bank_.bins()), static_cast<std::size_t>(bank_.bins())),
                   options_.mel_iterations);
    }
    std::vector<float> audio = dsp::griffin_lim(levels, transform(), {.iterations = options_.griffin_lim_iterations});
    audio.erase(audio.begin(), audio.begin() + lead());
    audio.resize(static_cast<std::size_t>(count * options_.hop));
    return audio;
  }

 private:
  dsp::stft_options transform() const { return {.n_fft = options_.n_fft, .hop = options_.hop, .window = options_.n_fft, .center = false}; }
  index lead() const { return (options_.n_fft - options_.hop) / 2; }

  log_mel_options options_;
  dsp::mel_filters bank_;
};

}  // namespace SPEARSTORM_NS::codec
