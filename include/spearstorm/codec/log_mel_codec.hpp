#pragma once
// The first codec: log-mel frames, normalized, quantized by residual k-means; decoded by Griffin-Lim. Learned in seconds.

#include "spearstorm/codec/log_mel_features.hpp"
#include "spearstorm/codec/residual_kmeans.hpp"

namespace SPEARSTORM_NS::codec {

/// Const members may be called from several threads.
/// @see tests/codec/log_mel_codec.test.cpp
class log_mel_codec {
 public:
  /// @param mean of each band  @param scale one deviation for all bands, so that a distance keeps meaning decibels
  /// @throws value_error for settings out of range, shape_error where mean or quantizer have other bands
  log_mel_codec(log_mel_options const& options, std::vector<float> mean, float scale, residual_kmeans quantizer)
      : features_(options), mean_(std::move(mean)), scale_(scale), quantizer_(std::move(quantizer)) {
    check_size("log_mel_codec", "mean", "bins", static_cast<index>(mean_.size()), "codec", options.bands);
    check_size("log_mel_codec", "quantizer", "bins", quantizer_.dim(), "codec", options.bands);
    check_range("log_mel_codec", "scale", scale, 1e-6f, 1e6f);
    for (float value : mean_) check_range("log_mel_codec", "mean", value, -1e6f, 1e6f);
  }

  /// Learns normalization and codebooks from a few minutes of audio at `options.sample_hz`.
  /// The result depends on audio and options alone, not on the team's size.
  /// @throws value_error where there are fewer frames than codes
  static log_mel_codec learn(std::span<std::vector<float> const> audio, index levels, log_mel_options const& options,
                             kmeans_options const& clusters, thread_team& team) {
    log_mel_features const features(options);
    std::vector<log_mel_features::frames_type> parts(audio.size());
    team.run(static_cast<index>(audio.size()),
             [&](index i) { parts[static_cast<std::size_t>(i)] = features.analyze(audio[static_cast<std::size_t>(i)]); });
    std::vector<float> rows;
    for (auto const& part : parts) rows.insert(rows.end(), part.begin(), part.end());
    parts.clear();
    std::vector<float> mean(static_cast<std::size_t>(options.bands));
    float const scale = normalization(rows, mean);
    normalize(rows, mean, scale);
    return {options, std::move(mean), scale, residual_kmeans::learn(rows, options.bands, levels, clusters, team)};
  }

  index sample_hz() const { return features_.options().sample_hz; }
  index downsample_factor() const { return features_.options().hop; }
  index num_quantizers() const { return quantizer_.levels(); }
  index codebook_size() const { return quantizer_.codebook_size(); }

  log_mel_features const& features() const { return features_; }
  residual_kmeans const& quantizer() const { return quantizer_; }
  std::span<float const> mean() const { return mean_; }
  float scale() const { return scale_; }

  /// @shape audio (samples)  returns (ceil(samples / hop), levels)
  audio_codes encode(std::span<float const> audio) const {
    log_mel_features::frames_type frames = features_.analyze(audio);
    normalize(frames.values(), mean_, scale_);
    return quantizer_.encode(frames.values());
  }

  /// @shape codes (frames, at least `levels`)  returns (frames * hop)
  /// @throws shape_error where codes have fewer levels, value_error for a level or an id out of range
  std::vector<float> decode(audio_codes const& codes, index levels) const { return features_.synthesize(decode_features(codes, levels)); }
  std::vector<float> decode(audio_codes const& codes) const { return decode(codes, codes.extent(1)); }

  /// The log-mel frames that codes stand for: what a plot shows.
  /// @shape codes (frames, at least `levels`)  returns (frames, bands)
  log_mel_features::frames_type decode_features(audio_codes const& codes, index levels) const {
    std::vector<float> rows = quantizer_.decode(codes, levels);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = rows[i] * scale_ + mean_[i % mean_.size()];
    return log_mel_features::frames_type({codes.extent(0), features_.options().bands}, std::move(rows));
  }

 private:
  /// Fills the bands' means, returns the root of the mean variance of a band.
  static float normalization(std::span<float const> rows, std::span<float> mean) {
    std::size_t const dim = mean.size(), n = rows.size() / dim;
    if (n == 0) fail<value_error>("log_mel_codec::learn: no frames to learn from");
    std::vector<double> sum(dim);
    double square = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) sum[i % dim] += static_cast<double>(rows[i]);
    for (std::size_t d = 0; d < dim; ++d) mean[d] = static_cast<float>(sum[d] / static_cast<double>(n));
    for (std::size_t i = 0; i < rows.size(); ++i)
      square += static_cast<double>(rows[i] - mean[i % dim]) * static_cast<double>(rows[i] - mean[i % dim]);
    return std::max(1e-3f, static_cast<float>(std::sqrt(square / static_cast<double>(rows.size()))));  // silence alone has no deviation
  }
  static void normalize(std::span<float> rows, std::span<float const> mean, float scale) {
    for (std::size_t from = 0; from < rows.size(); from += mean.size())
      for (std::size_t d = 0; d < mean.size(); ++d) rows[from + d] = (rows[from + d] - mean[d]) / scale;
  }

  log_mel_features features_;
  std::vector<float> mean_;
  float scale_;
  residual_kmeans quantizer_;
};

}  // namespace SPEARSTORM_NS::codec
