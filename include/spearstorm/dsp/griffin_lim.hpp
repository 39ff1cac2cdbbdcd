#pragma once
// A signal for a magnitude spectrogram: fast Griffin-Lim (Perraudin, Balazs, Sondergaard 2013).

#include <cmath>
#include <numbers>

#include "spearstorm/core/random.hpp"
#include "spearstorm/dsp/stft.hpp"

namespace SPEARSTORM_NS::dsp {

struct griffin_lim_options {
  index iterations = 32;
  float momentum = 0.99f;  ///< 0 is the original algorithm; librosa's default is 0.99
  std::uint64_t seed = 0;  ///< of the first phases
};

/// Alternates between the signal nearest to the spectra and the spectra nearest to the magnitudes, from random phases.
/// @math c = stft(istft(s)); s <- |s| * unit(c - a * c_previous), a = momentum / (1 + momentum)
/// @shape wanted (frames, bins)  returns (samples), what the frames span
/// @throws value_error for settings out of range, shape_error where bins do not fit n_fft
/// @cost two transforms a frame and iteration
inline std::vector<float> griffin_lim(array<float, axes::frames<>, axes::bins<>> const& wanted, stft_options const& transform = {},
                                      griffin_lim_options const& options = {}) {
  check_range<index>("griffin_lim", "iterations", options.iterations, 0, 100'000);
  check_range("griffin_lim", "momentum", options.momentum, 0.0f, 1.0f);
  stft_plan plan(transform);
  check_size("griffin_lim", "wanted", "bins", wanted.extent(1), "n_fft", plan.bins());
  index const frames = wanted.extent(0), samples = frames == 0 ? 0 : plan.samples(frames);
  std::vector<float> audio(static_cast<std::size_t>(std::max<index>(0, samples)));
  if (audio.empty()) return audio;

  random_stream const draws{.seed = options.seed, .step = 0, .stream = stream_id("dsp/griffin_lim")};
  std::size_t const size = static_cast<std::size_t>(wanted.size());
  std::vector<std::complex<float>> spectra(size), now(size), before(size);
  for (index t = 0; t < frames; ++t)
    for (index k = 0; k < plan.bins(); ++k) {
      std::size_t const at = static_cast<std::size_t>(t * plan.bins() + k);
      float const phase = 2 * std::numbers::pi_v<float> * draws.uniform(static_cast<std::uint32_t>(t), static_cast<std::uint32_t>(k));
      spectra[at] = wanted.data()[at] * std::complex<float>(std::cos(phase), std::sin(phase));
    }

  bool const enough = !transform.center || samples > transform.n_fft / 2;  // else a reflection is impossible: keep the first phases
  float const weight = options.momentum / (1 + options.momentum);
  for (index i = 0; enough && i < options.iterations; ++i) {
    plan.inverse(spectra, audio);
    plan.forward(audio, now);
    for (std::size_t at = 0; at < size; ++at) {
      float const re = now[at].real() - weight * before[at].real(), im = now[at].imag() - weight * before[at].imag();
      float const scale = wanted.data()[at] / std::sqrt(re * re + im * im + 1e-20f);
      spectra[at] = {scale * re, scale * im};
    }
    std::swap(now, before);
  }
  plan.inverse(spectra, audio);
  return audio;
}

}  // namespace SPEARSTORM_NS::dsp
