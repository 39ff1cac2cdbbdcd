#include "spearstorm/codec/log_mel_codec.hpp"

#include "catch.hpp"

using namespace spearstorm;

namespace {

/// A second of a tone that glides and swells; the seed chooses how.
std::vector<float> voice(std::uint32_t seed) {
  random_stream const draws{.seed = 1};
  float const start = 100 + 100 * draws.uniform(seed, 0), glide = 80 * draws.uniform(seed, 1), swell = 2 + 4 * draws.uniform(seed, 2);
  std::vector<float> audio(16000);
  for (std::size_t i = 0; i < audio.size(); ++i) {
    float const t = static_cast<float>(i) / 16000;
    for (int h = 1; h <= 8; ++h)
      audio[i] += 0.06f * std::sin(swell * t) * std::sin(6.2831853f * static_cast<float>(h) * (start * t + glide * t * t));
  }
  return audio;
}

std::vector<std::vector<float>> voices() {
  std::vector<std::vector<float>> all;
  for (std::uint32_t seed = 0; seed < 8; ++seed) all.push_back(voice(seed));
  return all;
}

codec::log_mel_options const cheap{.mel_iterations = 5, .griffin_lim_iterations = 4};
codec::kmeans_options const clusters{.codebook_size = 32, .iterations = 4};

}  // namespace

TEST_CASE("codec/log_mel_codec: satisfies the concept and keeps its promises about sizes") {
  STATIC_REQUIRE(codec::audio_codec<codec::log_mel_codec>);
  thread_team team(2);
  auto const found = codec::log_mel_codec::learn(voices(), 3, cheap, clusters, team);
  CHECK(found.sample_hz() == 16000);
  CHECK(found.downsample_factor() == 320);
  CHECK(found.num_quantizers() == 3);
  CHECK(found.codebook_size() == 32);
  auto audio = voice(3);
  audio.resize(1000);
  auto const codes = found.encode(audio);
  REQUIRE(codes.extents() == sizes<2>{4, 3});  // 3.125 frames
  for (auto id : codes) CHECK((id >= 0 && id < 32));
  CHECK(found.decode(codes).size() == 4 * 320);
  CHECK(found.decode(codes, 1) == found.decode(codes, 1));
  CHECK(found.decode(codes, 1) != found.decode(codes, 3));
  CHECK(found.encode({}).extent(0) == 0);
  CHECK(found.decode(codec::audio_codes({0, 3})).empty());
  CHECK_THROWS_AS(found.decode(codes, 4), value_error);
  CHECK_THROWS_AS(found.decode(codes, 0), value_error);
}

TEST_CASE("codec/log_mel_codec: levels bring the features of unseen audio closer") {
  thread_team team(2);
  auto const found = codec::log_mel_codec::learn(voices(), 4, cheap, clusters, team);
  auto const audio = voice(100);
  auto const wanted = found.features().analyze(audio);
  auto const codes = found.encode(audio);
  double before = static_cast<double>(found.scale());
  for (std::ptrdiff_t levels : {1, 2, 4}) {
    auto const near = found.decode_features(codes, levels);
    double error = 0;
    for (std::size_t i = 0; i < wanted.values().size(); ++i) error += std::pow(static_cast<double>(near.data()[i] - wanted.data()[i]), 2);
    error = std::sqrt(error / static_cast<double>(wanted.size()));
    INFO(levels << " levels: " << error << " after " << before);
    CHECK(error < before);
    before = error;
  }
}

TEST_CASE("codec/log_mel_codec: the same codec for any number of threads") {
  thread_team one(1), three(3);
  auto const a = codec::log_mel_codec::learn(voices(), 2, cheap, clusters, one),
             b = codec::log_mel_codec::learn(voices(), 2, cheap, clusters, three);
  CHECK(a.quantizer().codebooks() == b.quantizer().codebooks());
  CHECK(a.scale() == b.scale());
}

TEST_CASE("codec/log_mel_codec: errors") {
  thread_team team(1);
  std::vector<std::vector<float>> const brief{std::vector<float>(3200)}, none;
  CHECK_THROWS_AS(codec::log_mel_codec::learn(brief, 2, cheap, clusters, team), value_error);  // 10 frames for 32 codes
  CHECK_THROWS_AS(codec::log_mel_codec::learn(none, 2, cheap, clusters, team), value_error);
  codec::residual_kmeans const other(codec::residual_kmeans::codebooks_type({1, 2, 3}));
  CHECK_THROWS_AS(codec::log_mel_codec(cheap, std::vector<float>(80), 1, other), shape_error);
}
