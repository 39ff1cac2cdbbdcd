#pragma once
// An id for every sign of the phonetic alphabet that espeak-ng writes for a set of texts.

#include "spearstorm/text/character_tokenizer.hpp"
#include "spearstorm/text/phonemes.hpp"

namespace SPEARSTORM_NS::text {

/// A sign is one character: a vowel, a consonant, a mark of stress or length, the blank between words.
class phoneme_tokenizer {
 public:
  /// What `description()` gave.
  /// @throws value_error where a symbol is not one character or stands there twice
  phoneme_tokenizer(std::string voice, std::vector<std::string> symbols)
      : voice_(std::move(voice)), signs_(std::move(symbols), "phoneme_tokenizer") {}

  /// The signs of the texts, numbered by code point.
  /// @throws as phonemes
  static phoneme_tokenizer learn(std::span<std::string const> texts, std::string voice = "en-us") {
    std::vector<std::string> spoken;
    for (std::string const& text : texts) spoken.push_back(phonemes(text, voice));
    return {std::move(voice), character_tokenizer::learn(spoken).symbols()};
  }

  index size() const { return signs_.size(); }
  std::string const& voice() const { return voice_; }
  std::vector<std::string> const& symbols() const { return signs_.symbols(); }
  tokenizer_description description() const { return {.name = "phoneme", .settings = {{"voice", voice_}}, .symbols = symbols()}; }

  /// @throws as phonemes, and value_error for a sign that has no id
  std::vector<std::int32_t> encode(std::string_view text) const { return signs_.encode(phonemes(text, voice_), "phoneme_tokenizer"); }

  /// The phonemes, as `phonemes` writes them: the spelling is lost.
  /// @throws value_error for an id of size() and above
  std::string decode(std::span<std::int32_t const> ids) const { return signs_.decode(ids, "phoneme_tokenizer"); }

 private:
  std::string voice_;
  character_tokenizer signs_;
};

}  // namespace SPEARSTORM_NS::text
