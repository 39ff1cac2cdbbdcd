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
};

/// @throws format_error naming file and line
std::vector<recording> read_manifest(fs::path const& corpus);

/// Those of one split; all for "all".
std::vector<recording> of_split(std::vector<recording> const& all, std::string const& split);

/// One channel at `sample_hz`, resampled where the file has another rate.
std::vector<float> load_sound(fs::path const& file, index sample_hz);

}  // namespace cli
