#pragma once
// Pictures of a run and of audio; without libpng none are written, and a line says so.

#include "command.hpp"
#include "spearstorm/codec/log_mel_codec.hpp"
#include "spearstorm/soundstorm/trace.hpp"

namespace cli {

struct titled_sound {
  std::string title;
  std::vector<float> samples;
};

/// Log-mel spectrograms side by side.
void save_spectrograms(fs::path const& to, std::string const& title, std::vector<titled_sound> const& sounds,
                       ss::codec::log_mel_codec const& codec);

/// What each pass of a decoding did with a row's frames.
void save_trace(fs::path const& to, std::string const& title, ss::soundstorm::decode_trace const& trace, index row, double frame_seconds);

/// Losses of a run's log.jsonl over its steps.
void save_loss_curve(fs::path const& to, fs::path const& log);

}  // namespace cli
