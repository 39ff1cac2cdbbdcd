#include "spoken_text.hpp"

#include <algorithm>

#include "manifest.hpp"

namespace cli {

std::vector<ss::token::sequence> spoken_text::runs() const {
  std::vector<ss::token::sequence> made;
  for (auto const& row : semantic) made.push_back(ss::token::unique_consecutive(row).ids);
  return made;
}

spoken_text load_spoken_text(fs::path const& corpus, fs::path const& tokens, std::string const& split) {
  fs::path const file = tokens / (split + ".safetensors");
  auto set = ss::train::load_tokens(file);
  if (!set.info.semantic.given())
    ss::fail<ss::format_error>("'", file.string(), "' holds no semantic tokens; tokenize with --semantic-clusters");
  std::map<std::string, std::string> texts;
  for (auto const& each : read_manifest(corpus)) texts[each.path] = each.text;
  std::ranges::stable_sort(set.utterances, {}, [](auto const& u) { return fs::path(u.name).filename(); });
  spoken_text made;
  made.info = set.info.semantic;
  for (auto& u : set.utterances) {
    if (u.semantic.empty()) continue;  // too short for a token
    auto const found = texts.find(u.name);
    if (found == texts.end())
      ss::fail<ss::format_error>("'", file.string(), "' holds ", u.name, ", for which '", corpus.string(), "' has no text");
    made.names.push_back(u.name);
    made.texts.push_back(found->second);
    made.voices.push_back(u.speaker);
    made.semantic.push_back(std::move(u.semantic));
  }
  return made;
}

}  // namespace cli
