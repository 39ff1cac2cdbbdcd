#include "spearstorm/dsp/fft.hpp"

#include <numbers>
#include <vector>

#include "catch.hpp"

using namespace spearstorm;
using complex = std::complex<float>;

TEST_CASE("dsp/fft: four samples by hand") {
  dsp::real_fft fft(4);
  REQUIRE(fft.bins() == 3);
  std::vector<float> const x{1, 2, 3, 5};
  std::vector<complex> spectrum(3);
  fft.forward(x, spectrum);
  CHECK(spectrum[0] == complex(11, 0));     // 1 + 2 + 3 + 5
  CHECK(spectrum[1].real() == Approx(-2));  // 1 - 3
  CHECK(spectrum[1].imag() == Approx(3));   // -2 + 5
  CHECK(spectrum[2] == complex(-3, 0));     // 1 - 2 + 3 - 5
  std::vector<float> back(4);
  fft.inverse(spectrum, back);
  for (std::size_t i = 0; i < 4; ++i) CHECK(back[i] == Approx(x[i]));
}

TEST_CASE("dsp/fft: every even size equals the sum of its definition, and the inverse undoes it") {
  for (spearstorm::index n : {2, 6, 8, 10, 12, 30, 64, 98}) {
    dsp::real_fft fft(n);
    std::vector<float> x(static_cast<std::size_t>(n)), back(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(0.7f * static_cast<float>(i * i)) + 0.1f;
    std::vector<complex> spectrum(static_cast<std::size_t>(fft.bins()));
    fft.forward(x, spectrum);
    for (std::size_t k = 0; k < spectrum.size(); ++k) {
      std::complex<double> sum = 0;
      for (std::size_t i = 0; i < x.size(); ++i)
        sum += static_cast<double>(x[i]) * std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(k * i) / static_cast<double>(n));
      CHECK(std::abs(std::complex<double>(spectrum[k]) - sum) < 1e-5 * static_cast<double>(n));
    }
    fft.inverse(spectrum, back);
    for (std::size_t i = 0; i < x.size(); ++i) CHECK(back[i] == Approx(x[i]).margin(1e-5));
  }
}

TEST_CASE("dsp/fft: odd sizes and wrong lengths are refused") {
  CHECK_THROWS_AS(dsp::real_fft(7), value_error);
  CHECK_THROWS_AS(dsp::real_fft(0), value_error);
  dsp::real_fft fft(8);
  std::vector<float> x(8);
  std::vector<complex> spectrum(8);
  CHECK_THROWS_WITH(fft.forward(x, spectrum), "real_fft::forward: spectrum has bins = 8, plan expects bins = 5");
}
