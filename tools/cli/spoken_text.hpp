#pragma once
// Utterances with what they say: a corpus's texts beside a token file's semantic tokens.

#include "command.hpp"
#include "spearstorm/token/durations.hpp"
#include "spearstorm/train/token_file.hpp"

namespace cli {

/// One split, in an order in which all voices take turns: the first few are of every voice.
struct spoken_text {
  ss::train::semantic_info info;              ///< rate and number of the semantic tokens
  std::vector<std::string> names, texts;      ///< texts in lower case, words with one blank between
  std::vector<std::string> voices;            ///< who speaks; empty: unknown
  std::vector<ss::token::sequence> semantic;  ///< with their repeats

  std::size_t size() const { return names.size(); }
  /// The tokens without repeats: what sequence models read and write.
  std::vector<ss::token::sequence> runs() const;
};

/// @param split train or valid
/// @throws format_error where an utterance has no text in the corpus or the token file no semantic tokens
spoken_text load_spoken_text(fs::path const& corpus, fs::path const& tokens, std::string const& split);

}  // namespace cli
