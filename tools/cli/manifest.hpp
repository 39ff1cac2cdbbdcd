#pragma once
// A corpus on disk: manifest.tsv as tools/make_corpus writes it, and the sound of its lines.

#include <map>
#include <string>
#include <vector>

#include "command.hpp"

namespace cli {

struct recording {
  std::string path;   ///< below the corpus; also the utterance's name in token files
  std::string split;  ///< train or valid
  std::string text;
  double seconds = 0;
  std::string voice = {};  ///< empty: unknown
};

/// @throws format_error naming file and line
std::vector<recording> read_manifest(fs::path const& corpus);

/// Those of one split; all for "all".
std::vector<recording> of_split(std::vector<recording> const& all, std::string const& split);

/// One channel at `sample_hz`, resampled where the file has another rate.
std::vector<float> load_sound(fs::path const& file, index sample_hz);

/// The WAV file of a recording below `out`, also where the corpus points elsewhere with `..`.
fs::path sound_path(fs::path const& out, std::string const& path);

}  // namespace cli
