#pragma once
// Recorded sound through libsndfile: WAV, FLAC and what else it reads, as one channel of floats.

#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "spearstorm/io/input_file.hpp"

namespace SPEARSTORM_NS::io {

/// One channel; full scale is 1.
struct audio {
  std::vector<float> samples = {};
  int sample_hz = 0;

  double seconds() const { return static_cast<double>(samples.size()) / sample_hz; }
};

namespace detail {
struct close_sound {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
using sound_file = std::unique_ptr<SNDFILE, close_sound>;
}  // namespace detail

/// Reads a recording; several channels are averaged. The file's rate is kept (`dsp::resample` changes it).
/// @throws io_error where the system refuses, format_error where libsndfile cannot read the content or a sample is not finite
inline audio load_audio(std::filesystem::path const& path) {
  std::string const where = "load_audio: '" + path.string() + "'";
  (void)input_file(path);  // a missing file is the system's error, with its text
  SF_INFO info = {};
  detail::sound_file const file(sf_open(path.c_str(), SFM_READ, &info));
  if (!file) fail<format_error>(where, ": ", sf_strerror(nullptr));
  if (info.channels < 1 || info.samplerate < 1) fail<format_error>(where, " has ", info.channels, " channels at ", info.samplerate, " Hz");

  audio sound{.samples = {}, .sample_hz = info.samplerate};
  constexpr sf_count_t most = 65536;  // frames a time: the header's length is never believed
  std::vector<float> part(static_cast<std::size_t>(most * info.channels));
  float const share = 1.0f / static_cast<float>(info.channels);
  while (sf_count_t const count = sf_readf_float(file.get(), part.data(), most)) {
    if (count < 0) break;
    float const* frame = part.data();
    for (sf_count_t i = 0; i < count; ++i, frame += info.channels) {
      float sum = 0;
      for (int c = 0; c < info.channels; ++c) sum += frame[c];
      if (!std::isfinite(sum)) fail<format_error>(where, ": sample ", sound.samples.size(), " is not finite");
      sound.samples.push_back(sum * share);
    }
  }
  if (sf_error(file.get()) != SF_ERR_NO_ERROR) fail<format_error>(where, ": ", sf_strerror(file.get()));
  return sound;
}

/// Writes 16-bit FLAC where the name ends in `.flac`, 16-bit WAV where it ends in `.wav`; samples are clipped to [-1, 1].
/// A multiple of 1 / 32768 below 1 is read back exactly.
/// @throws value_error for another ending, a bad rate, a sample that is not a number or no samples in FLAC,
///         io_error where the file cannot be written
inline void save_audio(std::filesystem::path const& path, audio const& sound) {
  std::string const where = "save_audio: '" + path.string() + "'";
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  if (ending != ".wav" && ending != ".flac") fail<value_error>(where, " ends in '", ending, "', expected .wav or .flac");
  SF_INFO info = {};
  info.samplerate = sound.sample_hz;
  info.channels = 1;
  info.format = (ending == ".wav" ? SF_FORMAT_WAV : SF_FORMAT_FLAC) | SF_FORMAT_PCM_16;
  if (sound.sample_hz < 1 || !sf_format_check(&info))
    fail<value_error>(where, ": libsndfile cannot write ", ending, " at ", sound.sample_hz, " Hz");
  if (sound.samples.empty() && ending == ".flac") fail<value_error>(where, ": a FLAC file without samples would be an empty file");
  std::uint64_t const most = ending == ".wav" ? 0x7fff0000u : ~std::uint64_t{0} / 2;  // a WAV file counts its bytes in 32 bits
  if (sound.samples.size() > most) fail<value_error>(where, ": ", sound.samples.size(), " samples, ", ending, " holds at most ", most);

  std::vector<short> codes(sound.samples.size());
  for (std::size_t i = 0; i < codes.size(); ++i) {
    float const sample = sound.samples[i];
    if (std::isnan(sample)) fail<value_error>(where, ": sample ", i, " is not a number");
    codes[i] = static_cast<short>(std::lrint(std::clamp(sample * 32768.0f, -32768.0f, 32767.0f)));
  }
  atomic_file target(path);
  detail::sound_file file(sf_open_fd(target.handle(), SFM_WRITE, &info, SF_FALSE));
  if (!file) fail<io_error>(where, ": ", sf_strerror(nullptr));
  auto const count = static_cast<sf_count_t>(codes.size());
  if (sf_writef_short(file.get(), codes.data(), count) != count) fail<io_error>(where, ": ", sf_strerror(file.get()));
  if (int const bad = sf_close(file.release())) fail<io_error>(where, ": ", sf_error_number(bad));
  target.commit();
}

}  // namespace SPEARSTORM_NS::io
