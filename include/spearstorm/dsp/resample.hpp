#pragma once
// Another sampling rate through soxr (its very high quality: flat to 0.913 of the lower Nyquist frequency, rejection above 160 dB).

#include <soxr.h>

#include <span>
#include <vector>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::dsp {

/// `samples` at `from_hz`, played at `to_hz`: ceil(n * to_hz / from_hz) samples, without delay. Equal rates give a copy.
/// One thread, the same bits each time.
/// @throws value_error where a rate is below 1, or the result would be too long
inline std::vector<float> resample(std::span<float const> samples, index from_hz, index to_hz) {
  check_range<index>("resample", "from_hz", from_hz, 1, index{1} << 31);
  check_range<index>("resample", "to_hz", to_hz, 1, index{1} << 31);
  if (from_hz == to_hz || samples.empty()) return {samples.begin(), samples.end()};
  index product = 0;
  if (__builtin_mul_overflow(static_cast<index>(samples.size()), to_hz, &product) || __builtin_add_overflow(product, from_hz - 1, &product))
    fail<value_error>("resample: ", samples.size(), " samples at ", to_hz, " Hz are too many");

  std::vector<float> result(static_cast<std::size_t>(product / from_hz));
  soxr_quality_spec_t const quality = soxr_quality_spec(SOXR_VHQ, 0);
  std::size_t made = 0;
  soxr_error_t const bad = soxr_oneshot(static_cast<double>(from_hz), static_cast<double>(to_hz), 1, samples.data(), samples.size(),
                                        nullptr, result.data(), result.size(), &made, nullptr, &quality, nullptr);
  if (bad) fail<error>("resample: from ", from_hz, " Hz to ", to_hz, " Hz: ", soxr_strerror(bad));
  return result;  // soxr rounds the length to nearest: where it makes one sample less, silence ends the result
}

}  // namespace SPEARSTORM_NS::dsp
