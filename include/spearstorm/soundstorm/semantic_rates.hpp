#pragma once
// The frame rates of semantic tokens and of the codec, and the check that two sequences tell of the same stretch of time.

#include <cmath>

#include "spearstorm/token/fit_rate.hpp"

namespace SPEARSTORM_NS::soundstorm {

using token::rate_policy;

/// soundstorm-pytorch's names. A rate is a sample rate over a downsample factor; where no rate is given both are the same.
struct semantic_rates {
  index wav2vec_target_sample_hz = 0;
  index wav2vec_downsample_factor = 0;
  index codec_target_sample_hz = 0;
  index codec_downsample_factor = 0;
  rate_policy policy = rate_policy::repeat;  ///< the paper's; soundstorm-pytorch interpolates
  double max_misfit = 0.1;  ///< seconds by which tokens and frames may differ in length; soundstorm-pytorch cuts and pads any

  bool given() const { return wav2vec_target_sample_hz || wav2vec_downsample_factor || codec_target_sample_hz || codec_downsample_factor; }
  double semantic_hz() const { return given() ? hz(wav2vec_target_sample_hz, wav2vec_downsample_factor) : 1; }
  double codec_hz() const { return given() ? hz(codec_target_sample_hz, codec_downsample_factor) : 1; }
  /// Semantic tokens per codec frame.
  double ratio() const { return semantic_hz() / codec_hz(); }
  /// Codec frames that so many semantic tokens make.
  /// @math ceil(tokens * codec_hz / semantic_hz)
  index frames_of(index tokens) const { return static_cast<index>(std::ceil(static_cast<double>(tokens) / ratio() - 1e-9)); }

  /// @throws value_error where one of the four numbers is missing
  void check() const {
    if (!given()) return;
    auto const positive = [](char const* name, index value) {
      if (value < 1) fail<value_error>("semantic_rates: ", name, " = ", value, ", expected 1 or more, as all four or none are given");
    };
    positive("wav2vec_target_sample_hz", wav2vec_target_sample_hz);
    positive("wav2vec_downsample_factor", wav2vec_downsample_factor);
    positive("codec_target_sample_hz", codec_target_sample_hz);
    positive("codec_downsample_factor", codec_downsample_factor);
  }
  /// @throws value_error with both rates where one example's tokens and frames differ in time by more than max_misfit
  void check_fit(index example, index tokens, index frames) const {
    if (!given()) {
      if (std::abs(tokens - frames) > 1)
        fail<value_error>("semantic_rates: example ", example, " has ", tokens, " semantic tokens and ", frames,
                          " frames, expected as many, as no rates are given");
      return;
    }
    double const semantic = static_cast<double>(tokens) / semantic_hz(), codec = static_cast<double>(frames) / codec_hz();
    double const slack = max_misfit + 1 / semantic_hz() + 1 / codec_hz();  // a cut falls within a token or a frame
    if (std::abs(semantic - codec) > slack)
      fail<value_error>("semantic_rates: example ", example, " has ", tokens, " semantic tokens at ", semantic_hz(), " Hz, ", semantic,
                        " s, and ", frames, " codec frames at ", codec_hz(), " Hz, ", codec, " s, expected a difference of at most ",
                        max_misfit, " s");
  }

 private:
  static double hz(index sample_hz, index factor) { return static_cast<double>(sample_hz) / static_cast<double>(factor); }
};

}  // namespace SPEARSTORM_NS::soundstorm
