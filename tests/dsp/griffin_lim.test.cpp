#include "spearstorm/dsp/griffin_lim.hpp"

#include "catch.hpp"

using namespace spearstorm;

namespace {

dsp::stft_options const transform{.n_fft = 128, .hop = 32, .window = 128};

array<float, axes::frames<>, axes::bins<>> levels_of(std::vector<float> const& audio) {
  auto const spectra = dsp::stft(audio, transform);
  array<float, axes::frames<>, axes::bins<>> levels(spectra.extents());
  dsp::magnitudes(spectra.values(), levels.values());
  return levels;
}

/// Energy of the difference of magnitudes over the wanted energy.
double distance(array<float, axes::frames<>, axes::bins<>> const& wanted, std::vector<float> const& audio) {
  auto const found = levels_of(audio);
  double error = 0, energy = 0;
  for (std::size_t i = 0; i < wanted.values().size(); ++i) {
    double const w = wanted.data()[i], f = found.data()[i];
    error += (w - f) * (w - f);
    energy += w * w;
  }
  return error / energy;
}

std::vector<float> sweep() {
  std::vector<float> audio(32 * 60);
  for (std::size_t i = 0; i < audio.size(); ++i) {
    float const t = static_cast<float>(i);
    audio[i] = 0.5f * std::sin(2e-4f * t * t) + 0.2f * std::sin(0.31f * t);
  }
  return audio;
}

}  // namespace

TEST_CASE("dsp/griffin_lim: silence stays silence, and nothing gives nothing") {
  auto const quiet = dsp::griffin_lim(array<float, axes::frames<>, axes::bins<>>({9, 65}), transform);
  REQUIRE(quiet.size() == 8 * 32);
  for (float value : quiet) CHECK(value == 0);
  CHECK(dsp::griffin_lim(array<float, axes::frames<>, axes::bins<>>({0, 65}), transform).empty());
}

TEST_CASE("dsp/griffin_lim: iterations bring the magnitudes close, momentum closer") {
  auto const wanted = levels_of(sweep());
  double const start = distance(wanted, dsp::griffin_lim(wanted, transform, {.iterations = 0}));
  double const plain = distance(wanted, dsp::griffin_lim(wanted, transform, {.iterations = 60, .momentum = 0}));
  double const fast = distance(wanted, dsp::griffin_lim(wanted, transform, {.iterations = 60}));
  INFO(start << " " << plain << " " << fast);
  CHECK(start > 0.1);
  CHECK(plain < 0.2 * start);
  CHECK(fast < plain);
  CHECK(fast < 0.01);
}

TEST_CASE("dsp/griffin_lim: the seed decides, and decides all") {
  auto const wanted = levels_of(sweep());
  auto const one = dsp::griffin_lim(wanted, transform, {.iterations = 3, .seed = 1});
  CHECK(one == dsp::griffin_lim(wanted, transform, {.iterations = 3, .seed = 1}));
  CHECK(one != dsp::griffin_lim(wanted, transform, {.iterations = 3, .seed = 2}));
}

TEST_CASE("dsp/griffin_lim: errors") {
  array<float, axes::frames<>, axes::bins<>> const wanted({4, 64});
  CHECK_THROWS_WITH(dsp::griffin_lim(wanted, transform), "griffin_lim: wanted has bins = 64, n_fft expects bins = 65");
  array<float, axes::frames<>, axes::bins<>> const right({4, 65});
  CHECK_THROWS_AS(dsp::griffin_lim(right, transform, {.momentum = 2}), value_error);
}
