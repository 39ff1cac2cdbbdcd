#include "spearstorm/dsp/stft.hpp"

#include <numbers>

#include "catch.hpp"

using namespace spearstorm;

namespace {
std::vector<float> chirp(spearstorm::index samples) {
  std::vector<float> x(static_cast<std::size_t>(samples));
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = std::sin(1e-4f * static_cast<float>(i * i)) + 0.3f * std::cos(0.9f * static_cast<float>(i));
  return x;
}
}  // namespace

TEST_CASE("dsp/stft: two frames of four samples by hand") {
  std::vector<float> const x{1, 2, 3, 4, 5, 6};
  auto const spectra = dsp::stft(x, {.n_fft = 4, .hop = 2, .window = 4, .center = false});
  REQUIRE(spectra.extents() == sizes<2>{2, 3});
  // frame 0 is (1 2 3 4) * (0 1/2 1 1/2) = (0 1 3 2): sums 6, 0 - 3 + i(-1 + 2), 3 - 3
  CHECK(spectra(0, 0).real() == Approx(6));
  CHECK(spectra(0, 1).real() == Approx(-3));
  CHECK(spectra(0, 1).imag() == Approx(1));
  CHECK(std::abs(spectra(0, 2)) < 1e-6f);
  CHECK(spectra(1, 0).real() == Approx(10));                                       // (3 4 5 6) -> (0 2 5 3)
}

TEST_CASE("dsp/stft: centred frames see the signal reflected, its end sample once") {
  std::vector<float> const x{1, 2, 3, 4};
  auto const spectra = dsp::stft(x, {.n_fft = 4, .hop = 2, .window = 4});
  REQUIRE(spectra.extents() == sizes<2>{3, 3});
  CHECK(spectra(0, 0).real() == Approx(3));                                        // (3 2 1 2) -> (0 1 1 1)
  CHECK(spectra(2, 0).real() == Approx(6));                                        // (3 4 3 2) -> (0 2 3 1)
}

TEST_CASE("dsp/stft: a sine's energy lies in its bin") {
  spearstorm::index const n = 64;
  std::vector<float> x(256);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = std::sin(2 * std::numbers::pi_v<float> * 5 * static_cast<float>(i) / static_cast<float>(n));
  auto const spectra = dsp::stft(x, {.n_fft = n, .hop = 16, .window = n, .center = false});
  std::vector<float> level(spectra.values().size());
  dsp::magnitudes(spectra.values(), level);
  CHECK(level[5] == Approx(n / 4.0).epsilon(1e-4));  // amplitude 1/2, window's mean 1/2
  CHECK(level[4] == Approx(n / 8.0).epsilon(1e-4));
  CHECK(level[10] < 1e-3f);
}

TEST_CASE("dsp/stft: the inverse gives the signal back") {
  for (dsp::stft_options const options :
       {dsp::stft_options{}, {.n_fft = 64, .hop = 16, .window = 64}, {.n_fft = 64, .hop = 20, .window = 48}}) {
    auto const x = chirp(options.hop * 13);
    auto const back = dsp::istft(dsp::stft(x, options), options, static_cast<spearstorm::index>(x.size()));
    REQUIRE(back.size() == x.size());
    for (std::size_t i = 0; i < x.size(); ++i) CHECK(back[i] == Approx(x[i]).margin(2e-5));
  }
}

TEST_CASE("dsp/stft: default length, empty input and errors") {
  auto const x = chirp(960);
  CHECK(dsp::istft(dsp::stft(x)).size() == 960);  // 4 frames span 3 hops
  CHECK(dsp::istft(dsp::spectrogram({0, 513})).empty());
  CHECK_THROWS_AS(dsp::stft(chirp(512)), shape_error);
  CHECK_THROWS_AS(dsp::stft(chirp(1023), {.center = false}), shape_error);
  CHECK_THROWS_AS(dsp::stft(x, {.hop = 0}), value_error);
  CHECK_THROWS_AS(dsp::stft(x, {.n_fft = 512, .window = 1024}), value_error);
  CHECK_THROWS_WITH(dsp::istft(dsp::spectrogram({2, 512})), "istft: spectra has bins = 512, n_fft expects bins = 513");
}
