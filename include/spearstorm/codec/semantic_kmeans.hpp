#pragma once
// Semantic tokens of speech without a learned model: k-means over mel cepstra and their slopes, each speaker's own level and spread taken
// away, so that a token tells more of what is said than of who says it. Stands where a HuBERT tokenizer will.

#include "spearstorm/codec/kmeans.hpp"
#include "spearstorm/codec/log_mel_features.hpp"
#include "spearstorm/dsp/mfcc.hpp"

namespace SPEARSTORM_NS::codec {

/// Every field goes into a saved tokenizer and must agree when it is read.
struct semantic_options {
  index sample_hz = 16000;
  index n_fft = 1024;
  index hop = 320;  ///< samples of a token; HuBERT's rate of 50 Hz
  index bands = 40;
  float floor = 1e-2f;  ///< as log_mel_options
  index coefficients = 13;
  index delta_radius = 2;

  friend bool operator==(semantic_options const&, semantic_options const&) = default;
};

/// Mean and standard deviation of each feature over a speaker's recordings.
struct speaker_statistics {
  std::vector<float> mean, deviation;  ///< (dim)

  friend bool operator==(speaker_statistics const&, speaker_statistics const&) = default;
};

/// Cepstra and slopes of audio. Const members may be called from several threads.
/// @throws value_error for settings out of range
class semantic_features {
 public:
  explicit semantic_features(semantic_options const& options = {})
      : options_(options),
        log_mel_(
            {.sample_hz = options.sample_hz, .n_fft = options.n_fft, .hop = options.hop, .bands = options.bands, .floor = options.floor}),
        transform_(options.bands, options.coefficients) {
    check_range<index>("semantic_features", "delta_radius", options.delta_radius, 1, index{1} << 16);
  }

  semantic_options const& options() const { return options_; }
  index dim() const { return 2 * options_.coefficients; }

  /// @shape audio (samples)  returns (ceil(samples / hop), dim): cepstra, then slopes
  std::vector<float> analyze(std::span<float const> audio) const {
    auto const log_mel = log_mel_.analyze(audio);
    index const n = log_mel.extent(0), c = options_.coefficients;
    std::vector<float> cepstra(static_cast<std::size_t>(n * c)), rows(static_cast<std::size_t>(n * 2 * c));
    transform_.apply(log_mel.values(), cepstra);
    auto const slopes = dsp::deltas(cepstra, c, options_.delta_radius);
    for (index t = 0; t < n; ++t) {
      std::copy_n(cepstra.begin() + t * c, c, rows.begin() + t * 2 * c);
      std::copy_n(slopes.begin() + t * c, c, rows.begin() + t * 2 * c + c);
    }
    return rows;
  }

  /// Over the frames of all recordings of one speaker. A feature that never moves has deviation 1.
  /// @shape each of recordings (frames, dim)
  /// @throws value_error where there is no frame, shape_error where rows do not divide by dim
  speaker_statistics statistics(std::span<std::vector<float> const> recordings) const {
    std::size_t const d = static_cast<std::size_t>(dim());
    std::vector<double> sum(d), square(d);
    double n = 0;
    for (auto const& rows : recordings) {
      check_size("semantic_features::statistics", "recording", "size modulo dim", static_cast<index>(rows.size() % d), "features", 0);
      n += static_cast<double>(rows.size() / d);
      for (std::size_t i = 0; i < rows.size(); ++i) sum[i % d] += static_cast<double>(rows[i]);
    }
    if (n == 0) fail<value_error>("semantic_features::statistics: 0 frames, expected 1 or more");
    for (auto const& rows : recordings)
      for (std::size_t i = 0; i < rows.size(); ++i) {
        double const away = static_cast<double>(rows[i]) - sum[i % d] / n;
        square[i % d] += away * away;
      }
    speaker_statistics made;
    for (std::size_t i = 0; i < d; ++i) {
      float const deviation = static_cast<float>(std::sqrt(square[i] / n));
      made.mean.push_back(static_cast<float>(sum[i] / n));
      made.deviation.push_back(deviation > 1e-4f ? deviation : 1.0f);
    }
    return made;
  }

  /// @math row <- (row - mean) / deviation
  /// @throws shape_error where a size differs
  void normalize(std::span<float> rows, speaker_statistics const& speaker) const {
    check_size("semantic_features::normalize", "mean", "dim", static_cast<index>(speaker.mean.size()), "features", dim());
    check_size("semantic_features::normalize", "deviation", "dim", static_cast<index>(speaker.deviation.size()), "features", dim());
    std::size_t const d = static_cast<std::size_t>(dim());
    check_size("semantic_features::normalize", "rows", "size modulo dim", static_cast<index>(rows.size() % d), "features", 0);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = (rows[i] - speaker.mean[i % d]) / speaker.deviation[i % d];
  }

 private:
  semantic_options options_;
  log_mel_features log_mel_;
  dsp::cosine_transform transform_;
};

/// Const members may be called from several threads.
/// @see tests/codec/semantic_kmeans.test.cpp
class semantic_tokenizer {
 public:
  using centroids_type = array<float, axes::vocab<>, axes::dim<>>;

  /// @throws value_error for settings out of range or a value that is not finite, shape_error where centroids have another dim
  semantic_tokenizer(semantic_options const& options, centroids_type centroids)
      : features_(options), centroids_(std::move(centroids)), search_(checked(centroids_, features_.dim()), features_.dim()) {}

  /// Learns the clusters from normalized features.
  /// @param rows one (frames, dim) for each recording, normalized by its speaker
  /// @throws value_error where there are fewer frames than clusters
  static semantic_tokenizer learn(semantic_options const& options, std::span<std::vector<float> const> rows, kmeans_options const& clusters,
                                  thread_team& team) {
    std::vector<float> all;
    for (auto const& part : rows) all.insert(all.end(), part.begin(), part.end());
    return {options, kmeans(all, 2 * options.coefficients, clusters, team).codebook};
  }

  semantic_features const& features() const { return features_; }
  centroids_type const& centroids() const { return centroids_; }
  index sample_hz() const { return features_.options().sample_hz; }
  index downsample_factor() const { return features_.options().hop; }
  index num_semantic_token_ids() const { return centroids_.extent(0); }

  /// The nearest cluster of each frame.
  /// @shape audio (samples) at sample_hz  returns (ceil(samples / hop))
  std::vector<std::int32_t> encode(std::span<float const> audio, speaker_statistics const& speaker) const {
    return encode_rows(features_.analyze(audio), speaker);
  }
  /// Of a speaker who is not known: the statistics are the recording's own, which a few seconds of speech settle.
  std::vector<std::int32_t> encode(std::span<float const> audio) const {
    auto rows = features_.analyze(audio);
    if (rows.empty()) return {};
    auto const own = features_.statistics(std::span(&rows, 1));
    return encode_rows(std::move(rows), own);
  }
  /// @shape rows (frames, dim), not normalized  returns (frames)
  std::vector<std::int32_t> encode_rows(std::vector<float> rows, speaker_statistics const& speaker) const {
    features_.normalize(rows, speaker);
    std::vector<std::int32_t> ids(rows.size() / static_cast<std::size_t>(features_.dim()));
    search_(rows, ids);
    return ids;
  }

 private:
  static std::span<float const> checked(centroids_type const& centroids, index dim) {
    check_size("semantic_tokenizer", "centroids", "dim", centroids.extent(1), "features", dim);
    for (float value : centroids)
      if (!std::isfinite(value)) fail<value_error>("semantic_tokenizer: centroids hold ", value, ", expected finite values");
    return centroids.values();
  }

  semantic_features features_;
  centroids_type centroids_;
  nearest_code search_;
};

}  // namespace SPEARSTORM_NS::codec
