#pragma once
// CLIP's byte-pair tokenizer, with the ids that x_clip.tokenizer gives.

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <system_error>

#include "spearstorm/text/byte_pairs.hpp"
#include "spearstorm/text/clip_words.hpp"

namespace SPEARSTORM_NS::text {

/// Where the vocabulary comes from.
struct clip_options {
  std::filesystem::path vocabulary = {};   ///< bpe_simple_vocab_16e6.txt; empty: what SPEARSTORM_CLIP_VOCABULARY names
  index merges = byte_pairs::clip_merges;  ///< how many of its merges; fewer make a smaller vocabulary
};

/// Ids as of `x_clip.tokenizer.SimpleTokenizer`, 49408 of them with the full vocabulary, for every text that its clean-up (ftfy's repairs,
/// HTML entities) leaves unchanged. There is no such clean-up here: a text is taken as it is. Classes of characters and lower case are those
/// of the installed utf8proc, so letters that Unicode got after that count as symbols.
class clip_tokenizer {
 public:
  /// @throws io_error where neither option nor environment names a file, or it cannot be read; format_error where it is no vocabulary
  explicit clip_tokenizer(clip_options const& options = {}) : clip_tokenizer(read(options)) {}
  explicit clip_tokenizer(byte_pairs pairs) : pairs_(std::make_shared<byte_pairs const>(std::move(pairs))) {}

  index size() const { return pairs_->size() + 2; }
  std::int32_t start_id() const { return static_cast<std::int32_t>(pairs_->size()); }    ///< of `<|startoftext|>`; `encode` adds none
  std::int32_t end_id() const { return static_cast<std::int32_t>(pairs_->size()) + 1; }  ///< of `<|endoftext|>`; `encode` adds none

  /// The vocabulary itself is not stored: its number of merges and the hash of their lines.
  tokenizer_description description() const {
    std::ostringstream hash;
    hash << std::hex << pairs_->fingerprint();
    return {.name = "clip", .settings = {{"merges", std::to_string(pairs_->merges())}, {"fingerprint", hash.str()}}};
  }

  /// @throws format_error for a text that is no UTF-8
  std::vector<std::int32_t> encode(std::string_view text) const {
    std::vector<std::int32_t> ids;
    each_clip_word(clip_clean(from_utf8("clip_tokenizer", text)), [&](std::u32string_view word) {
      if (word == start_text)
        ids.push_back(start_id());
      else if (word == end_text)
        ids.push_back(end_id());
      else
        words_->encode(*pairs_, to_utf8(word), ids);
    });
    return ids;
  }

  /// The words in lower case, a blank behind each; U+FFFD stands for what is no UTF-8. Start and end are left out, if not asked for.
  /// Departs from x_clip, which means to remove 49407 and removes 40407, and removes id 0, "!".
  /// @throws value_error for an id of size() and above
  std::string decode(std::span<std::int32_t const> ids, bool remove_start_end = true) const {
    std::string bytes;
    detail::each_id("clip_tokenizer", ids, size(), [&](std::int32_t id) {
      if (id < start_id())
        (bytes += pairs_->token_of(id).bytes) += pairs_->token_of(id).ends_word ? " " : "";
      else if (!remove_start_end)
        for (char32_t const c : id == start_id() ? start_text : end_text) append_utf8(bytes, c);
    });
    return replace_invalid_utf8(bytes);
  }

 private:
  static constexpr std::u32string_view start_text = U"<|startoftext|>", end_text = U"<|endoftext|>";

  static byte_pairs read(clip_options const& options) {
    std::filesystem::path path = options.vocabulary;
    char const* const named = std::getenv("SPEARSTORM_CLIP_VOCABULARY");
    if (path.empty() && named) path = named;
    if (path.empty())
      fail<io_error>("clip_tokenizer: no vocabulary, expected clip_options::vocabulary or the environment variable ",
                     "SPEARSTORM_CLIP_VOCABULARY to name the file bpe_simple_vocab_16e6.txt");
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    if (!file || !(content << file.rdbuf()))
      fail<io_error>("clip_tokenizer: cannot read '", path.string(), "': ", errno ? std::generic_category().message(errno) : "no content");
    return byte_pairs(content.str(), options.merges, path.string());
  }

  /// Words met before with their ids; copies of a tokenizer share them.
  class word_cache {
   public:
    void encode(byte_pairs const& pairs, std::string const& word, std::vector<std::int32_t>& ids) {
      if (word.size() > longest) return pairs.encode(word, ids);
      std::lock_guard const lock(mutex_);
      auto found = ids_.find(word);
      if (found == ids_.end()) {
        if (ids_.size() == most) ids_.clear();
        found = ids_.try_emplace(word).first;
        pairs.encode(word, found->second);
      }
      ids.insert(ids.end(), found->second.begin(), found->second.end());
    }

   private:
    static constexpr std::size_t longest = 64, most = 1 << 16;  // bytes of a word, words
    std::mutex mutex_;
    std::unordered_map<std::string, std::vector<std::int32_t>> ids_;
  };

  std::shared_ptr<byte_pairs const> pairs_;
  std::shared_ptr<word_cache> words_ = std::make_shared<word_cache>();
};

}  // namespace SPEARSTORM_NS::text
