#include "spearstorm/codec/concept.hpp"

#include "catch.hpp"

using namespace spearstorm;

namespace {

/// The smallest codec: one level whose code is the sign of a sample.
struct sign_codec {
  spearstorm::index sample_hz() const { return 8000; }
  spearstorm::index downsample_factor() const { return 1; }
  spearstorm::index num_quantizers() const { return 1; }
  spearstorm::index codebook_size() const { return 2; }
  codec::audio_codes encode(std::span<float const> audio) const {
    codec::audio_codes codes({static_cast<spearstorm::index>(audio.size()), 1});
    for (std::size_t i = 0; i < audio.size(); ++i) codes.data()[i] = audio[i] > 0;
    return codes;
  }
  std::vector<float> decode(codec::audio_codes const& codes, spearstorm::index) const {
    std::vector<float> audio;
    for (std::int32_t code : codes) audio.push_back(code != 0 ? 1.0f : -1.0f);
    return audio;
  }
};

struct no_decoder {
  spearstorm::index sample_hz() const { return 8000; }
  spearstorm::index downsample_factor() const { return 1; }
  spearstorm::index num_quantizers() const { return 1; }
  spearstorm::index codebook_size() const { return 2; }
  codec::audio_codes encode(std::span<float const>) const { return {}; }
};

}  // namespace

TEST_CASE("codec/concept: a user's own codec fits without a base class") {
  STATIC_REQUIRE(codec::audio_codec<sign_codec>);
  STATIC_REQUIRE_FALSE(codec::audio_codec<no_decoder>);
  STATIC_REQUIRE_FALSE(codec::audio_codec<int>);
  sign_codec const codec;
  std::vector<float> const audio{0.5f, -0.25f, 0.125f};
  CHECK(codec.decode(codec.encode(audio), 1) == std::vector<float>{1, -1, 1});
}
