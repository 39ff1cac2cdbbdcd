#pragma once
// Raw audio in and out: a codec's codes and a speech encoder's semantic tokens as a batch, generated codes as audio.

#include "spearstorm/codec/concept.hpp"
#include "spearstorm/dsp/resample.hpp"
#include "spearstorm/soundstorm/semantic_rates.hpp"
#include "spearstorm/soundstorm/shape.hpp"
#include "spearstorm/soundstorm/token_batch.hpp"

namespace SPEARSTORM_NS::soundstorm {

/// Audio to semantic tokens, one for `downsample_factor()` samples at `sample_hz()`.
template <class S>
concept semantic_encoder = requires(S const& encoder, std::span<float const> audio) {
  { encoder.sample_hz() } -> std::convertible_to<index>;
  { encoder.downsample_factor() } -> std::convertible_to<index>;
  { encoder.num_semantic_token_ids() } -> std::convertible_to<index>;
  { encoder.encode(audio) } -> std::convertible_to<std::vector<std::int32_t>>;
};

/// The rates of a model's condition.
template <codec::audio_codec Codec, semantic_encoder Encoder>
semantic_rates rates_of(Codec const& codec, Encoder const& encoder, rate_policy policy = rate_policy::repeat) {
  return {.wav2vec_target_sample_hz = encoder.sample_hz(),
          .wav2vec_downsample_factor = encoder.downsample_factor(),
          .codec_target_sample_hz = codec.sample_hz(),
          .codec_downsample_factor = codec.downsample_factor(),
          .policy = policy};
}

/// @throws shape_error where codec and network differ in quantizers (times groups) or codes
/// @see    soundstorm-pytorch: the assertions of SoundStorm's constructor
template <codec::audio_codec Codec>
void check_codec(Codec const& codec, soundstorm_shape const& shape) {
  check_size("soundstorm", "the codec", "num_quantizers", codec.num_quantizers(), "the network", shape.levels());
  check_size("soundstorm", "the codec", "codebook_size", codec.codebook_size(), "the network", shape.codebook_size);
}

/// One recording an example, of any lengths; shorter ones are padded, and said to be.
/// @param audio     mono samples at sample_hz, which need not be the codec's rate: soundstorm-pytorch hands them on as they are
/// @shape returns codes (batch, frames, levels), valid (batch, frames) where lengths differ
/// @throws value_error where there is no recording, or an empty one
template <codec::audio_codec Codec>
token_batch batch_of(Codec const& codec, std::span<std::vector<float> const> audio, index sample_hz) {
  if (audio.empty()) fail<value_error>("batch_of: 0 recordings, expected 1 or more");
  std::vector<codec::audio_codes> each;
  std::vector<index> lengths;
  for (std::size_t b = 0; b < audio.size(); ++b) {
    if (audio[b].empty()) fail<value_error>("batch_of: recording ", b, " has 0 samples, expected 1 or more");
    each.push_back(codec.encode(dsp::resample(audio[b], sample_hz, codec.sample_hz())));
    lengths.push_back(each.back().extent(0));
  }
  index const longest = *std::max_element(lengths.begin(), lengths.end()), levels = codec.num_quantizers();
  token_batch made{.codes = token::code_array({static_cast<index>(audio.size()), longest, levels})};
  if (*std::min_element(lengths.begin(), lengths.end()) < longest) made.valid = token::valid_frames(lengths, longest);
  for (std::size_t b = 0; b < each.size(); ++b)
    std::copy(each[b].begin(), each[b].end(), made.codes.begin() + static_cast<index>(b) * longest * levels);
  return made;
}
/// With the condition: each recording goes to codec and speech encoder at their own rates.
/// @shape returns semantic (batch, semantic frames) beside the codes, -1 behind a recording's end
template <codec::audio_codec Codec, semantic_encoder Encoder>
token_batch batch_of(Codec const& codec, Encoder const& encoder, std::span<std::vector<float> const> audio, index sample_hz) {
  auto made = batch_of(codec, audio, sample_hz);
  std::vector<std::vector<std::int32_t>> each;
  std::size_t longest = 0;
  for (auto const& recording : audio) {
    each.push_back(encoder.encode(dsp::resample(recording, sample_hz, encoder.sample_hz())));
    longest = std::max(longest, each.back().size());
  }
  made.semantic = token::id_array({static_cast<index>(each.size()), static_cast<index>(longest)}, -1);
  for (std::size_t b = 0; b < each.size(); ++b)
    std::copy(each[b].begin(), each[b].end(), made.semantic.begin() + static_cast<std::ptrdiff_t>(b * longest));
  return made;
}

/// Each row of codes as audio at the codec's rate.
/// @param lengths frames of each row; empty: all
/// @shape codes (batch, frames, levels)
/// @throws shape_error where lengths has another batch, value_error where one exceeds the frames
template <codec::audio_codec Codec>
std::vector<std::vector<float>> audio_of(Codec const& codec, token::code_array const& codes, std::span<index const> lengths = {}) {
  index const batch = codes.extent(0), frames = codes.extent(1), levels = codes.extent(2);
  check_size("audio_of", "codes", "levels", levels, "the codec", codec.num_quantizers());
  if (!lengths.empty()) check_size("audio_of", "lengths", "batch", static_cast<index>(lengths.size()), "codes", batch);
  std::vector<std::vector<float>> made;
  for (index b = 0; b < batch; ++b) {
    index const n = lengths.empty() ? frames : lengths[static_cast<std::size_t>(b)];
    check_range<index>("audio_of", "length", n, 0, frames);
    codec::audio_codes row({n, levels});
    std::copy_n(codes.begin() + b * frames * levels, n * levels, row.begin());
    made.push_back(codec.decode(row, levels));
  }
  return made;
}

}  // namespace SPEARSTORM_NS::soundstorm
