#include "spearstorm/codec/log_mel_features.hpp"

#include "catch.hpp"

using namespace spearstorm;

TEST_CASE("codec/log_mel_features: a full-scale sine by hand") {
  std::vector<float> audio(3200);
  for (std::size_t i = 0; i < audio.size(); ++i)
    audio[i] = std::sin(2 * std::numbers::pi_v<float> * 64 / 1024 * static_cast<float>(i));  // bin 64, 1 kHz
  codec::log_mel_features const features;
  auto const found = features.analyze(audio);
  REQUIRE(found.extents() == sizes<2>{10, 80});
  double sum = 0;
  for (int m = 0; m < 80; ++m) sum += std::exp(static_cast<double>(found(5, m)));
  CHECK(sum == Approx(512 + 79 * 0.01).epsilon(0.01));  // 256 in its bin and 128 in each neighbour; bands add up to one
  CHECK(found(5, 0) == Approx(std::log(0.01)));         // no energy there: the floor
}

TEST_CASE("codec/log_mel_features: whole frames of whatever length, silence is the floor") {
  codec::log_mel_features const features;
  CHECK(features.analyze({}).extent(0) == 0);
  CHECK(features.synthesize(codec::log_mel_features::frames_type({0, 80})).empty());
  for (std::size_t samples : {1u, 319u, 320u, 321u, 5000u}) {
    auto const found = features.analyze(std::vector<float>(samples));
    CHECK(found.extent(0) == static_cast<std::ptrdiff_t>((samples + 319) / 320));
    for (float value : found) CHECK(value == Approx(std::log(0.01)));
  }
}

TEST_CASE("codec/log_mel_features: what is synthesized sounds like what was analyzed") {
  std::vector<float> audio(16000);
  for (std::size_t i = 0; i < audio.size(); ++i) {
    float const t = static_cast<float>(i) / 16000;
    for (int h = 1; h <= 12; ++h)
      audio[i] += 0.05f * std::sin(2 * std::numbers::pi_v<float> * static_cast<float>(h) * (120 * t + 20 * t * t));
  }
  auto distance = [&](codec::log_mel_features const& features) {
    auto const wanted = features.analyze(audio);
    auto const again = features.synthesize(wanted);
    REQUIRE(again.size() == audio.size());
    auto const found = features.analyze(again);
    double error = 0;
    for (std::size_t i = 0; i < wanted.values().size(); ++i) error += std::pow(static_cast<double>(wanted.data()[i] - found.data()[i]), 2);
    return std::sqrt(error / static_cast<double>(wanted.size()));
  };
  double const found = distance(codec::log_mel_features()),
               phases_left_random = distance(codec::log_mel_features({.griffin_lim_iterations = 0}));
  INFO("root mean squared difference of log magnitudes: " << found << ", with random phases " << phases_left_random);
  CHECK(found < 0.6);
  CHECK(found < 0.7 * phases_left_random);
}

TEST_CASE("codec/log_mel_features: errors") {
  CHECK_THROWS_AS(codec::log_mel_features({.floor = 0}), value_error);
  CHECK_THROWS_AS(codec::log_mel_features({.hop = 2000}), value_error);
  CHECK_THROWS_AS(codec::log_mel_features({.n_fft = 256}), value_error);  // too few bins for 80 bands
  CHECK_THROWS_AS(codec::log_mel_features().synthesize(codec::log_mel_features::frames_type({3, 40})), shape_error);
}
