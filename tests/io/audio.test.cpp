#include "spearstorm/io/audio.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "scratch.hpp"

namespace ss = spearstorm;
using ss::io::audio;
using ss::io::load_audio;
using ss::io::save_audio;
using namespace test_io;

namespace {
/// A WAV file by hand: `channels` of 16-bit samples at 8000 Hz.
std::string wav(int channels, std::vector<short> const& samples) {
  auto const number = [](std::uint32_t value, std::size_t bytes) { return std::string(reinterpret_cast<char const*>(&value), bytes); };
  std::uint32_t const size = static_cast<std::uint32_t>(samples.size() * 2), width = static_cast<std::uint32_t>(channels * 2);
  return "RIFF" + number(36 + size, 4) + "WAVEfmt " + number(16, 4) + number(1, 2) + number(width / 2, 2) + number(8000, 4) +
         number(8000 * width, 4) + number(width, 2) + number(16, 2) + "data" + number(size, 4) +
         std::string(reinterpret_cast<char const*>(samples.data()), size);
}
}  // namespace

TEST_CASE("io/audio: reads a file written by hand and averages its channels") {
  scratch here;
  put(here / "mono.wav", wav(1, {0, 16384, -32768}));
  audio const mono = load_audio(here / "mono.wav");
  CHECK(mono.sample_hz == 8000);
  CHECK(mono.samples == std::vector<float>{0, 0.5f, -1});
  CHECK(mono.seconds() == 3.0 / 8000);
  put(here / "stereo.wav", wav(2, {0, 16384, -32768, 32767 - 16383}));
  CHECK(load_audio(here / "stereo.wav").samples == std::vector<float>{0.25f, -0.25f});
}

TEST_CASE("io/audio: writes these bytes") {
  scratch here;
  save_audio(here / "a.wav", {{0, 0.5f, -1}, 8000});
  CHECK(content(here / "a.wav") == wav(1, {0, 16384, -32768}));
  CHECK(here.count() == 1);
}

TEST_CASE("io/audio: WAV and FLAC keep 16 bits, clip, and hold many frames") {
  scratch here;
  audio sound{std::vector<float>(150000), 16000};
  for (std::size_t i = 0; i < sound.samples.size(); ++i)
    sound.samples[i] = static_cast<float>(static_cast<int>(i * 7919 % 65536) - 32768) / 32768;
  for (char const* name : {"a.wav", "a.FLAC"}) {
    CAPTURE(name);
    save_audio(here / name, sound);
    audio const back = load_audio(here / name);
    CHECK(back.sample_hz == 16000);
    CHECK(back.samples == sound.samples);
    save_audio(here / name, {{2, -2, std::numeric_limits<float>::infinity(), 1}, 44100});
    CHECK(load_audio(here / name).samples == std::vector<float>{32767 / 32768.0f, -1, 32767 / 32768.0f, 32767 / 32768.0f});
  }
  CHECK(content(here / "a.FLAC").starts_with("fLaC"));
  save_audio(here / "a.wav", {{}, 16000});
  CHECK(load_audio(here / "a.wav").samples.empty());
  CHECK_THAT(what_of<ss::value_error>([&] { save_audio(here / "a.flac", {{}, 16000}); }),
             contains("a.flac") && contains("without samples"));
}

TEST_CASE("io/audio: refuses with the file's name") {
  scratch here;
  CHECK_THAT(what_of<ss::io_error>([&] { load_audio(here / "none.wav"); }), contains("none.wav") && contains("No such file"));
  put(here / "text.wav", "this is not sound");
  CHECK_THAT(what_of<ss::format_error>([&] { load_audio(here / "text.wav"); }), contains("text.wav"));
  std::string floats = wav(1, {0, 0, 0, 0});
  floats[20] = 3;  // IEEE float
  floats[34] = 32;
  floats[32] = 4;
  std::memset(floats.data() + 44, 0xff, 4);  // NaN
  put(here / "nan.wav", floats);
  CHECK_THAT(what_of<ss::format_error>([&] { load_audio(here / "nan.wav"); }), contains("sample 0 is not finite"));
  CHECK_THAT(what_of<ss::value_error>([&] { save_audio(here / "a.mp3", {{0}, 16000}); }),
             contains("a.mp3") && contains("expected .wav or .flac"));
  CHECK_THAT(what_of<ss::value_error>([&] { save_audio(here / "a.wav", {{0, NAN}, 16000}); }), contains("sample 1 is not a number"));
  CHECK_THAT(what_of<ss::value_error>([&] { save_audio(here / "a.wav", {{0}, 0}); }), contains("0 Hz"));
  CHECK_THAT(what_of<ss::io_error>([&] { save_audio(here / "none/a.wav", {{0}, 16000}); }), contains("none/a.wav"));
  CHECK_FALSE(std::filesystem::exists(here / "a.wav"));
}
