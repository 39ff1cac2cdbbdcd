#pragma once
// Fourier transforms of real signals. The one door to Eigen's FFT (kissfft inside).

#include <complex>
#include <span>
#include <unsupported/Eigen/FFT>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::dsp {

/// A transform of one even size; keeps its twiddle factors and scratch, so make it once. A plan serves one thread at a time.
/// @math forward: X[k] = sum_n x[n] exp(-2 pi i k n / size), k = 0 .. size / 2; inverse divides by size, so it undoes forward
/// @throws value_error for a size that is odd, below 2 or above 2^26
/// @see tests/dsp/fft.test.cpp
class real_fft {
 public:
  explicit real_fft(index size) : size_(size) {
    check_range<index>("real_fft", "size", size, 2, index{1} << 26);
    if (size % 2 != 0) fail<value_error>("real_fft: size = ", size, ", expected an even number");
    fft_.SetFlag(Eigen::FFT<float>::HalfSpectrum);
  }

  index size() const { return size_; }
  index bins() const { return size_ / 2 + 1; }

  /// @shape signal (size)  spectrum (bins)
  void forward(std::span<float const> signal, std::span<std::complex<float>> spectrum) {
    check("real_fft::forward", static_cast<index>(signal.size()), static_cast<index>(spectrum.size()));
    fft_.fwd(spectrum.data(), signal.data(), size_);
  }
  /// @shape spectrum (bins)  signal (size)
  void inverse(std::span<std::complex<float> const> spectrum, std::span<float> signal) {
    check("real_fft::inverse", static_cast<index>(signal.size()), static_cast<index>(spectrum.size()));
    fft_.inv(signal.data(), spectrum.data(), size_);
  }

 private:
  void check(char const* function, index samples, index found_bins) const {
    check_size(function, "signal", "samples", samples, "plan", size_);
    check_size(function, "spectrum", "bins", found_bins, "plan", bins());
  }

  index size_;
  Eigen::FFT<float> fft_;
};

}  // namespace SPEARSTORM_NS::dsp
