#include "spearstorm/soundstorm/audio.hpp"

#include "catch.hpp"
#include "spearstorm/codec/log_mel_codec.hpp"
#include "spearstorm/codec/semantic_kmeans.hpp"

namespace ss = spearstorm;

namespace {

/// Two levels of four codes at 10 Hz: the whole and the half part of each frame's mean.
struct step_codec {
  ss::index sample_hz() const { return 100; }
  ss::index downsample_factor() const { return 10; }
  ss::index num_quantizers() const { return 2; }
  ss::index codebook_size() const { return 4; }
  ss::codec::audio_codes encode(std::span<float const> audio) const {
    ss::index const frames = (static_cast<ss::index>(audio.size()) + 9) / 10;
    ss::codec::audio_codes codes({frames, 2});
    for (ss::index t = 0; t < frames; ++t) {
      float const x = audio[static_cast<std::size_t>(std::min<ss::index>(10 * t + 5, static_cast<ss::index>(audio.size()) - 1))];
      codes(t, 0) = static_cast<std::int32_t>(std::lround(2 * x)) / 2, codes(t, 1) = static_cast<std::int32_t>(std::lround(2 * x)) % 2;
    }
    return codes;
  }
  std::vector<float> decode(ss::codec::audio_codes const& codes, ss::index) const {
    std::vector<float> audio;
    for (ss::index t = 0; t < codes.extent(0); ++t)
      audio.insert(audio.end(), 10, static_cast<float>(codes(t, 0)) + 0.5f * static_cast<float>(codes(t, 1)));
    return audio;
  }
};

/// One token for 20 samples at 50 Hz: how many samples it has seen.
struct counting_encoder {
  ss::index sample_hz() const { return 50; }
  ss::index downsample_factor() const { return 20; }
  ss::index num_semantic_token_ids() const { return 100; }
  std::vector<std::int32_t> encode(std::span<float const> audio) const {
    return std::vector<std::int32_t>((audio.size() + 19) / 20, static_cast<std::int32_t>(audio.size()));
  }
};

static_assert(ss::codec::audio_codec<step_codec> && ss::soundstorm::semantic_encoder<counting_encoder>);
static_assert(ss::soundstorm::semantic_encoder<ss::codec::semantic_tokenizer>);

}  // namespace

TEST_CASE("soundstorm/audio: recordings of two lengths become one padded batch, by hand") {
  std::vector<std::vector<float>> const audio{std::vector<float>(40, 1.5f), std::vector<float>(80, 3.0f)};
  auto const batch = ss::soundstorm::batch_of(step_codec{}, counting_encoder{}, audio, 100);
  CHECK(batch.codes.extents() == ss::sizes<3>{2, 8, 2});
  for (ss::index t = 0; t < 8; ++t) {
    CHECK(batch.valid(0, t) == (t < 4));
    CHECK(batch.valid(1, t) == 1);
    CHECK(batch.codes(1, t, 0) == 3);
    if (t < 4) CHECK((batch.codes(0, t, 0) == 1 && batch.codes(0, t, 1) == 1));
  }
  CHECK(batch.semantic.extents() == ss::sizes<2>{2, 2});  // at half the rate, 20 and 40 samples
  CHECK((batch.semantic(0, 0) == 20 && batch.semantic(0, 1) == -1 && batch.semantic(1, 1) == 40));
  auto const rates = ss::soundstorm::rates_of(step_codec{}, counting_encoder{});
  CHECK(rates.codec_hz() == 10);
  CHECK(rates.semantic_hz() == 2.5);
  rates.check_fit(1, 2, 8);

  auto const again = ss::soundstorm::audio_of(step_codec{}, batch.codes, std::vector<ss::index>{4, 8});
  CHECK(again[0] == std::vector<float>(40, 1.5f));
  CHECK(again[1] == std::vector<float>(80, 3.0f));
}

TEST_CASE("soundstorm/audio: another rate is resampled, where the package is not told of it") {
  std::vector<std::vector<float>> const audio{std::vector<float>(400, 2.0f)};  // one second
  auto const batch = ss::soundstorm::batch_of(step_codec{}, counting_encoder{}, audio, 400);
  CHECK(batch.codes.extents() == ss::sizes<3>{1, 10, 2});
  CHECK_FALSE(batch.padded());
  CHECK((batch.codes(0, 5, 0) == 2 && batch.codes(0, 5, 1) == 0));
  CHECK(batch.semantic(0, 0) == 50);
}

TEST_CASE("soundstorm/audio: what does not fit is named") {
  CHECK_THROWS_WITH(ss::soundstorm::check_codec(step_codec{}, {.codebook_size = 4, .num_quantizers = 3}),
                    "soundstorm: the codec has num_quantizers = 2, the network expects num_quantizers = 3");
  CHECK_THROWS_WITH(ss::soundstorm::check_codec(step_codec{}, {.codebook_size = 5, .num_quantizers = 1, .grouped_quantizers = 2}),
                    "soundstorm: the codec has codebook_size = 4, the network expects codebook_size = 5");
  std::vector<std::vector<float>> const none, silent{{}};
  CHECK_THROWS_WITH(ss::soundstorm::batch_of(step_codec{}, none, 100), "batch_of: 0 recordings, expected 1 or more");
  CHECK_THROWS_WITH(ss::soundstorm::batch_of(step_codec{}, silent, 100), "batch_of: recording 0 has 0 samples, expected 1 or more");
}
