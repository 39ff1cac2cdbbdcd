#include "spearstorm/dsp/mel.hpp"

#include "catch.hpp"

using namespace spearstorm;

TEST_CASE("dsp/mel: the scale by hand") {
  CHECK(dsp::hz_to_mel(0) == 0);
  CHECK(dsp::hz_to_mel(700) == Approx(781.1728).epsilon(1e-6));  // 2595 log10(2)
  CHECK(dsp::hz_to_mel(1000) == Approx(999.9855).epsilon(1e-6));
  CHECK(dsp::mel_to_hz(dsp::hz_to_mel(3210)) == Approx(3210));
}

TEST_CASE("dsp/mel: one band from 0 to 4 kHz by hand") {
  // corners 0, m / 2, m of m = mel(4000) = 2146.065; the centre lies at 700 (sqrt(1 + 4000 / 700) - 1) = 1113.836 Hz
  dsp::mel_filters const bank({.sample_hz = 8000, .n_fft = 8, .bands = 1});
  REQUIRE(bank.bins() == 5);
  CHECK(bank.weight(0, 0) == 0);
  CHECK(bank.weight(0, 1) == Approx(1000 / 1113.836).epsilon(1e-5));
  CHECK(bank.weight(0, 2) == Approx((4000 - 2000) / (4000 - 1113.836)).epsilon(1e-5));
  CHECK(bank.weight(0, 3) == Approx((4000 - 3000) / (4000 - 1113.836)).epsilon(1e-5));
  CHECK(bank.weight(0, 4) == Approx(0).margin(1e-6));
}

TEST_CASE("dsp/mel: neighbouring triangles add up to one between the outer centres") {
  dsp::mel_filters const bank;
  for (spearstorm::index bin = 3; bin < 495; ++bin) {
    float sum = 0;
    for (spearstorm::index band = 0; band < bank.bands(); ++band) sum += bank.weight(band, bin);
    CHECK(sum == Approx(1.0).epsilon(1e-4));
  }
}

TEST_CASE("dsp/mel: the inverse is not negative and its bands are the ones given") {
  dsp::mel_filters const bank;
  std::vector<float> spectrum(513), mel(80), found(513), again(80);
  for (std::size_t k = 0; k < spectrum.size(); ++k) spectrum[k] = 1.2f + std::sin(0.05f * static_cast<float>(k));
  bank.apply(spectrum, mel);
  bank.invert(mel, found, 100);
  bank.apply(found, again);
  for (std::size_t m = 0; m < mel.size(); ++m) CHECK(again[m] == Approx(mel[m]).epsilon(0.02));
  for (float value : found) CHECK(value >= 0);
  CHECK(found[0] == 0);  // no band sees the constant part

  bank.invert(std::vector<float>(80, 0.0f), found);
  for (float value : found) CHECK(value == 0);
}

TEST_CASE("dsp/mel: errors") {
  CHECK_THROWS_AS(dsp::mel_filters({.n_fft = 256, .bands = 100}), value_error);  // the lowest bands fall between bins
  CHECK_THROWS_AS(dsp::mel_filters({.high_hz = 9000}), value_error);
  CHECK_THROWS_AS(dsp::mel_filters({.bands = 0}), value_error);
  dsp::mel_filters const bank;
  std::vector<float> spectrum(512), mel(80);
  CHECK_THROWS_WITH(bank.apply(spectrum, mel), "mel_filters: spectrum has bins = 512, bank expects bins = 513");
}
