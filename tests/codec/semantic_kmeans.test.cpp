#include "spearstorm/codec/semantic_kmeans_file.hpp"

#include <unistd.h>

#include "catch.hpp"

using namespace spearstorm;

namespace {

codec::semantic_options const small{.sample_hz = 8000, .n_fft = 256, .hop = 160, .bands = 12, .coefficients = 4, .delta_radius = 1};

/// Half a second of each of three vowels-to-be: tones with overtones, louder or softer, with a speaker's own hiss.
std::vector<float> speak(std::vector<int> const& sounds, float loudness, float hiss, std::uint32_t seed) {
  random_stream const noise{seed, 0, 0};
  std::vector<float> audio;
  for (int sound : sounds)
    for (int i = 0; i < 4000; ++i) {
      float const t = static_cast<float>(i) / 8000, hz = sound == 0 ? 300.0f : sound == 1 ? 900.0f : 2300.0f;
      audio.push_back(loudness * std::sin(6.2831853f * hz * t) + hiss * noise.normal(0, static_cast<std::uint32_t>(audio.size())));
    }
  return audio;
}

struct temporary_file {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("spearstorm-semantic-" + std::to_string(::getpid()) + ".safetensors");
  ~temporary_file() { std::filesystem::remove(path); }
};

codec::semantic_tokenizer learned(std::vector<std::vector<float>> const& recordings, spearstorm::index clusters) {
  codec::semantic_features const features(small);
  std::vector<std::vector<float>> rows;
  for (auto const& audio : recordings) rows.push_back(features.analyze(audio));
  auto const speaker = features.statistics(rows);
  for (auto& part : rows) features.normalize(part, speaker);
  thread_team team(2);
  return codec::semantic_tokenizer::learn(small, rows, {.codebook_size = clusters, .seed = 1}, team);
}

}  // namespace

TEST_CASE("codec/semantic_kmeans: statistics and normalization by hand") {
  codec::semantic_features const features({.bands = 2, .coefficients = 1});
  REQUIRE(features.dim() == 2);
  std::vector<std::vector<float>> const recordings{{1, 7}, {3, 7, 5, 7}};  // a level of 1, 3, 5 and a slope that never moves
  auto const speaker = features.statistics(recordings);
  CHECK(speaker.mean == std::vector<float>{3, 7});
  CHECK(speaker.deviation[0] == Approx(std::sqrt(8.0 / 3)));
  CHECK(speaker.deviation[1] == 1);
  std::vector<float> rows{3, 8, 5, 7};
  features.normalize(rows, speaker);
  CHECK(rows[0] == 0);
  CHECK(rows[1] == 1);
  CHECK(rows[2] == Approx(2 / std::sqrt(8.0 / 3)));
}

TEST_CASE("codec/semantic_kmeans: features are cepstra of log-mel frames, then their slopes") {
  codec::semantic_features const features(small);
  auto const audio = speak({0, 1}, 0.5f, 0.01f, 1);
  auto const rows = features.analyze(audio);
  REQUIRE(rows.size() == 50 * 8);
  codec::log_mel_features const log_mel({.sample_hz = 8000, .n_fft = 256, .hop = 160, .bands = 12});
  auto const frames = log_mel.analyze(audio);
  std::vector<float> cepstra(50 * 4);
  dsp::cosine_transform(12, 4).apply(frames.values(), cepstra);
  for (std::size_t t = 1; t < 49; ++t)
    for (std::size_t c = 0; c < 4; ++c) {
      CHECK(rows[t * 8 + c] == cepstra[t * 4 + c]);
      CHECK(rows[t * 8 + 4 + c] == Approx((cepstra[(t + 1) * 4 + c] - cepstra[(t - 1) * 4 + c]) / 2).margin(1e-5));
    }
  CHECK(features.analyze({}).empty());
}

TEST_CASE("codec/semantic_kmeans: tokens tell the sounds apart and two speakers' sounds alike") {
  std::vector<int> const said{0, 1, 2, 1, 0, 2};
  auto const low = speak(said, 0.2f, 0.002f, 1), high = speak(said, 0.8f, 0.008f, 2);
  auto const tokenizer = learned({low}, 5);  // the sounds, and some for where one ends
  CHECK(tokenizer.num_semantic_token_ids() == 5);
  auto const a = tokenizer.encode(low), b = tokenizer.encode(high);
  REQUIRE(a.size() == 150);
  REQUIRE(b.size() == 150);
  std::size_t same = 0, steady = 0;
  for (std::size_t t = 0; t < 150; ++t) same += a[t] == b[t];
  CHECK(same > 135);
  for (std::size_t t = 0; t < 150; ++t) steady += a[t] == a[t / 25 * 25 + 12];
  CHECK(steady > 130);
  CHECK(a[12] == a[4 * 25 + 12]);
  CHECK(a[25 + 12] == a[3 * 25 + 12]);
  CHECK(a[12] != a[25 + 12]);
  CHECK(a[12] != a[50 + 12]);
  CHECK(a[25 + 12] != a[50 + 12]);
  CHECK(tokenizer.encode({}).empty());
}

TEST_CASE("codec/semantic_kmeans: a known speaker's statistics are used, not the recording's") {
  auto const whole = speak({0, 1, 2, 0, 1, 2}, 0.5f, 0.005f, 1), part = speak({2}, 0.5f, 0.005f, 3);
  auto const tokenizer = learned({whole}, 5);
  auto const rows = tokenizer.features().analyze(whole);
  auto const speaker = tokenizer.features().statistics(std::span(&rows, 1));
  auto const known = tokenizer.encode(part, speaker);
  auto const wanted = tokenizer.encode(whole, speaker)[2 * 25 + 12];
  CHECK(std::count(known.begin() + 1, known.end() - 1, wanted) == 23);
  CHECK(tokenizer.encode(whole, speaker) == tokenizer.encode(whole));
}

TEST_CASE("codec/semantic_kmeans: what is loaded is what was saved, and files that are none are refused") {
  temporary_file const file;
  auto const audio = speak({0, 1, 2}, 0.5f, 0.01f, 1);
  auto const saved = learned({audio}, 5);
  codec::save(saved, file.path);
  auto const loaded = codec::load_semantic_tokenizer(file.path);
  CHECK(loaded.features().options() == small);
  CHECK(loaded.centroids() == saved.centroids());
  CHECK(loaded.encode(audio) == saved.encode(audio));

  auto const refused = [&](std::string const& key, std::string const& value, std::string const& why) {
    auto metadata = io::safetensors_file(file.path).metadata();
    metadata[key] = value;
    std::filesystem::path const other = file.path.string() + ".other";
    io::safetensors_writer writer(other);
    for (auto const& [k, v] : metadata) writer.metadata(k, v);
    writer.add("centroids", {5, 8}, saved.centroids().values()).commit();
    CHECK_THROWS_WITH(codec::load_semantic_tokenizer(other), Catch::Contains(why) && Catch::Contains(other.string()));
    CHECK_THROWS_AS(codec::load_semantic_tokenizer(other), format_error);
    std::filesystem::remove(other);
  };
  refused("format", "x", "format is 'x', expected 'spearstorm.semantic_kmeans'");
  refused("format_version", "9", "format_version is 9, this library reads 1");
  refused("hop", "0", "hop = 0");
  refused("coefficients", "5", "'centroids' is not of shape (ids, twice the 5 coefficients)");
  refused("delta_radius", "0", "delta_radius = 0");
}

TEST_CASE("codec/semantic_kmeans: errors") {
  codec::semantic_features const features(small);
  CHECK_THROWS_WITH(features.statistics({}), "semantic_features::statistics: 0 frames, expected 1 or more");
  std::vector<float> rows(8);
  CHECK_THROWS_WITH(features.normalize(rows, {{1, 2}, {1, 2}}), "semantic_features::normalize: mean has dim = 2, features expects dim = 8");
  CHECK_THROWS_WITH(codec::semantic_features({.coefficients = 41}), "cosine_transform: coefficients = 41, expected 1 to 40");
  CHECK_THROWS_WITH(codec::semantic_tokenizer(small, codec::semantic_tokenizer::centroids_type({3, 7})),
                    "semantic_tokenizer: centroids has dim = 7, features expects dim = 8");
  codec::semantic_tokenizer::centroids_type bad({1, 8});
  bad.data()[3] = std::nanf("");
  CHECK_THROWS_AS(codec::semantic_tokenizer(small, bad), value_error);
}
