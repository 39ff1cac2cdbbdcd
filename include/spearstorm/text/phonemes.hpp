#pragma once
// The one door to espeak-ng: text as phonemes of the International Phonetic Alphabet.

#include <espeak-ng/speak_lib.h>

#include <mutex>

#include "spearstorm/text/utf8.hpp"

namespace SPEARSTORM_NS::text {

namespace detail {

/// The library holds one voice and one text for the whole process, so who speaks takes turns.
struct espeak {
  std::mutex mutex;
  std::string voice;

  espeak() {
    // RETRIEVAL opens no sound device, DONT_EXIT leaves the process alive where the voices' data are missing
    if (espeak_Initialize(AUDIO_OUTPUT_RETRIEVAL, 0, nullptr, espeakINITIALIZE_DONT_EXIT) < 0)
      fail<io_error>("phonemes: espeak-ng finds no data of its voices");
  }
  static espeak& shared() {
    static espeak library;
    return library;
  }
};

/// Without what espeak-ng writes where it changes language inside a text, such as "(en)".
inline std::string without_languages(std::string_view ipa) {
  std::string kept;
  for (std::size_t at = 0; at < ipa.size(); ++at) {
    std::size_t const end = ipa[at] == '(' ? ipa.find(')', at) : ipa.npos;
    if (end != ipa.npos)
      at = end;
    else
      kept += ipa[at];
  }
  return kept;
}

}  // namespace detail

/// The phonemes of a text with marks of stress and length; one blank parts words, and sentences likewise. Punctuation is not kept. What
/// comes out depends on the installed version of espeak-ng. Calls from several threads wait for each other; who calls espeak-ng besides
/// must not do so at the same time, nor leave another voice behind.
/// @param voice a name or file that `espeak-ng --voices` lists, such as en-us, en (British), de; no guess is made for a language without one
/// @throws value_error for a voice that espeak-ng does not have or a text with a zero byte, format_error for one that is no UTF-8,
///         io_error where the data of espeak-ng are missing
inline std::string phonemes(std::string_view text, std::string const& voice = "en-us") {
  each_character("phonemes", text, [](char32_t point, std::size_t at) {
    if (point == 0) fail<value_error>("phonemes: character U+0000 at byte ", at, ", expected a text without");
  });
  detail::espeak& library = detail::espeak::shared();
  std::lock_guard const lock(library.mutex);
  if (voice.empty() || library.voice != voice) {
    library.voice.clear();
    if (voice.empty() || espeak_SetVoiceByName(voice.c_str()) != EE_OK)
      fail<value_error>("phonemes: voice '", voice, "', expected one of espeak-ng's");
    library.voice = voice;
  }
  std::string const terminated(text);
  std::string words;
  for (void const* rest = terminated.c_str(); rest;) {  // one clause a call
    char const* const clause = espeak_TextToPhonemes(&rest, espeakCHARS_UTF8, espeakPHONEMES_IPA);
    for (char const c : detail::without_languages(clause ? clause : "")) {
      bool const blank = c == ' ' || c == '\n';
      if (!blank)
        words += c;
      else if (!words.empty() && words.back() != ' ')
        words += ' ';
    }
    if (!words.empty() && words.back() != ' ') words += ' ';
  }
  if (!words.empty()) words.pop_back();
  return words;
}

}  // namespace SPEARSTORM_NS::text
