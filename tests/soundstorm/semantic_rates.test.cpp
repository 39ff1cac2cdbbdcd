#include "spearstorm/soundstorm/semantic_rates.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
using ss::soundstorm::semantic_rates;

TEST_CASE("soundstorm/semantic_rates: HuBERT's 50 Hz beside a codec of 75 Hz, by hand") {
  semantic_rates const rates{
      .wav2vec_target_sample_hz = 16000, .wav2vec_downsample_factor = 320, .codec_target_sample_hz = 24000, .codec_downsample_factor = 320};
  rates.check();
  CHECK(rates.semantic_hz() == 50);
  CHECK(rates.codec_hz() == 75);
  CHECK(rates.frames_of(100) == 150);
  CHECK(rates.frames_of(1) == 2);  // 1.5 frames, rounded up as in the package
  rates.check_fit(0, 100, 150);
  CHECK_THROWS_WITH(rates.check_fit(3, 100, 300),
                    "semantic_rates: example 3 has 100 semantic tokens at 50 Hz, 2 s, and 300 codec frames at 75 Hz, 4 s, expected a "
                    "difference of at most 0.1 s");
}

TEST_CASE("soundstorm/semantic_rates: without rates there is a token for each frame") {
  semantic_rates const rates;
  rates.check();
  CHECK(rates.ratio() == 1);
  rates.check_fit(0, 10, 11);
  CHECK_THROWS_WITH(rates.check_fit(1, 10, 20),
                    "semantic_rates: example 1 has 10 semantic tokens and 20 frames, expected as many, as no rates are given");
}

TEST_CASE("soundstorm/semantic_rates: all four numbers, or none") {
  CHECK_THROWS_WITH(
      (semantic_rates{.wav2vec_target_sample_hz = 16000, .wav2vec_downsample_factor = 320, .codec_target_sample_hz = 24000}.check()),
      "semantic_rates: codec_downsample_factor = 0, expected 1 or more, as all four or none are given");
}
