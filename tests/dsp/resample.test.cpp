#include "spearstorm/dsp/resample.hpp"

#include <cmath>
#include <complex>
#include <numbers>
#include <utility>

#include "catch.hpp"

namespace ss = spearstorm;
using ss::dsp::resample;

namespace {
std::vector<float> sine(double hz, double rate, std::size_t count) {
  std::vector<float> wave(count);
  for (std::size_t i = 0; i < count; ++i)
    wave[i] = static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * hz * static_cast<double>(i) / rate));
  return wave;
}
/// The middle half's component at `hz`: amplitude, and phase against the sine that starts at sample 0.
std::complex<double> component(std::vector<float> const& wave, double hz, double rate) {
  std::size_t const from = wave.size() / 4, until = from + wave.size() / 2;
  std::complex<double> sum = 0;
  for (std::size_t i = from; i < until; ++i)
    sum += static_cast<double>(wave[i]) * std::polar(1.0, -2 * std::numbers::pi * hz * static_cast<double>(i) / rate);
  return sum * std::complex<double>(0, 2) / static_cast<double>(until - from);
}
}  // namespace

TEST_CASE("dsp/resample: doubling the rate of a constant keeps it") {
  auto const twice = resample(std::vector<float>(2000, 0.25f), 8000, 16000);
  REQUIRE(twice.size() == 4000);
  for (std::size_t i = 1000; i < 3000; ++i) CHECK(std::abs(twice[i] - 0.25f) < 1e-5f);
}

TEST_CASE("dsp/resample: a sine keeps frequency, level and phase") {
  for (auto const& [from, to] : {std::pair{44100, 16000}, {16000, 24000}, {22050, 16000}, {48000, 16000}, {8000, 44100}}) {
    CAPTURE(from, to);
    auto const wave = resample(sine(1000, from, static_cast<std::size_t>(from)), from, to);
    REQUIRE(wave.size() == static_cast<std::size_t>(to));  // one second
    auto const kept = component(wave, 1000, to);
    CHECK(std::abs(20 * std::log10(std::abs(kept) / 0.5)) < 0.1);
    CHECK(std::abs(std::arg(kept)) < 1e-3);
    CHECK(std::abs(component(wave, 1010, to)) < 1e-4);
  }
}

TEST_CASE("dsp/resample: what the new rate cannot carry is removed, not folded") {
  auto const wave = resample(sine(10000, 44100, 44100), 44100, 16000);
  CHECK(std::abs(component(wave, 6000, 16000)) < 1e-5);
}

TEST_CASE("dsp/resample: lengths are rounded up") {
  CHECK(resample(std::vector<float>(1000), 44100, 16000).size() == 363);  // 362.8
  CHECK(resample(std::vector<float>(1001), 44100, 16000).size() == 364);  // 363.2
  CHECK(resample(std::vector<float>(1), 48000, 16000).size() == 1);
  CHECK(resample(std::vector<float>(3), 3, 2).size() == 2);
  CHECK(resample({}, 3, 2).empty());
}

TEST_CASE("dsp/resample: equal rates copy, bad rates are named") {
  std::vector<float> const wave = {1, 2, 3};
  CHECK(resample(wave, 16000, 16000) == wave);
  CHECK_THROWS_WITH(resample(wave, 0, 16000), "resample: from_hz = 0, expected 1 to 2147483648");
  CHECK_THROWS_WITH(resample(wave, 16000, -1), "resample: to_hz = -1, expected 1 to 2147483648");
}
