#pragma once
// What a codec promises: audio to tokens and back. The log-mel codec and SoundStream satisfy it alike.

#include <concepts>
#include <span>
#include <vector>

#include "spearstorm/runtime/array.hpp"

namespace SPEARSTORM_NS::codec {

/// Ids in [0, codebook_size), for each frame from the coarsest level to the finest.
using audio_codes = array<std::int32_t, axes::frames<>, axes::levels<>>;

/// A frame stands for `downsample_factor()` samples at `sample_hz()`. `encode` takes any length, pads its end with silence to whole
/// frames, and gives all `num_quantizers()` levels; `decode(codes, levels)` uses the first `levels` of them and gives
/// frames * downsample_factor samples. Const members may be called from several threads.
template <class C>
concept audio_codec = requires(C const& codec, std::span<float const> audio, audio_codes const& codes, index levels) {
  { codec.sample_hz() } -> std::convertible_to<index>;
  { codec.downsample_factor() } -> std::convertible_to<index>;
  { codec.num_quantizers() } -> std::convertible_to<index>;
  { codec.codebook_size() } -> std::convertible_to<index>;
  { codec.encode(audio) } -> std::same_as<audio_codes>;
  { codec.decode(codes, levels) } -> std::same_as<std::vector<float>>;
};

}  // namespace SPEARSTORM_NS::codec
