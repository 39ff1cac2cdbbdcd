#pragma once
// Byte-pair merges as OpenAI's CLIP keeps them: the vocabulary file, and a word of bytes as ids.
//
// Ids 0 to 255 are the bytes, 256 to 511 the same at the end of a word, 512 + k is what the file's merge k makes of two earlier ids.

#include <array>
#include <queue>
#include <unordered_map>
#include <utility>

#include "spearstorm/text/tokenizer.hpp"
#include "spearstorm/text/utf8.hpp"

namespace SPEARSTORM_NS::text {

class byte_pairs {
 public:
  static constexpr index base = 512;           ///< ids below the first merge
  static constexpr index clip_merges = 48894;  ///< 49152 - 256 - 2, what CLIP takes of its file

  /// Reads the content of a vocabulary file: a line that is skipped, then one merge a line, its parts written in the file's own
  /// alphabet of 256 visible characters with `</w>` at the end of a word. Lines behind the first `merges` merges are not read.
  /// @throws format_error naming source and line where a merge is missing, has not two parts, or its parts or result do not fit
  byte_pairs(std::string_view content, index merges, std::string_view source) {
    check_range<index>("byte_pairs", "merges", merges, 0, index{1} << 24);
    std::unordered_map<std::string, std::int32_t> ids;  // by the file's spelling
    std::vector<std::string> spelled;
    auto const add = [&](std::string spelling) {
      bool const fresh = ids.try_emplace(spelling, static_cast<std::int32_t>(spelled.size())).second;
      spelled.push_back(std::move(spelling));
      return fresh;
    };
    for (std::string_view const end : {"", "</w>"})
      for (int const byte : byte_order()) {
        std::string spelling;
        append_utf8(spelling, spelling_of(byte));
        add(spelling += end);
        tokens_.push_back({std::string(1, static_cast<char>(byte)), !end.empty()});
        if (end.empty()) first_[static_cast<std::size_t>(byte)] = static_cast<std::int32_t>(tokens_.size() - 1);
      }
    std::string_view rest = content;
    auto const next_line = [&] {
      std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
    };
    next_line();
    for (index k = 0; k < merges; ++k) {
      auto const wrong = [&](auto const&... what) { fail<format_error>("byte_pairs: '", source, "', line ", k + 2, ": ", what...); };
      if (rest.empty()) wrong("the file ends after ", k, " merges, expected ", merges);
      std::string_view const line = next_line();
      fingerprint_ = hash_line(fingerprint_, line);
      std::size_t const blank = line.find(' ');
      if (blank == line.npos || line.find(' ', blank + 1) != line.npos) wrong("'", line, "', expected two parts");
      std::pair<std::int32_t, std::int32_t> parts;
      for (auto [part, id] : {std::pair{line.substr(0, blank), &parts.first}, std::pair{line.substr(blank + 1), &parts.second}}) {
        auto const found = ids.find(std::string(part));
        if (found == ids.end()) wrong("'", part, "' is no byte and no result of an earlier merge");
        *id = found->second;
      }
      token const &left = token_of(parts.first), &right = token_of(parts.second);
      if (left.ends_word) wrong("'", line, "' goes on behind the end of a word");
      // each result is new and younger than its parts: so ids are ranks, and the order of `encode` is that of CLIP's rounds
      if (!add(spelled[static_cast<std::size_t>(parts.first)] + spelled[static_cast<std::size_t>(parts.second)]))
        wrong("'", line, "' makes what an earlier line makes");
      merged_.emplace(key(parts.first, parts.second), static_cast<std::int32_t>(tokens_.size()));
      tokens_.push_back({left.bytes + right.bytes, right.ends_word});
    }
  }

  index size() const { return static_cast<index>(tokens_.size()); }
  index merges() const { return size() - base; }
  std::uint64_t fingerprint() const { return fingerprint_; }  ///< a hash of the merges' lines

  /// The bytes an id stands for, and whether a word ends with them.
  struct token {
    std::string bytes;
    bool ends_word = false;
  };
  token const& token_of(std::int32_t id) const { return tokens_[static_cast<std::size_t>(id)]; }

  /// Appends the ids of one word's bytes: of all neighbours that merge, those with the lowest id do, from the left.
  /// @cost bytes * log(bytes)
  void encode(std::string_view word, std::vector<std::int32_t>& ids) const {
    struct part {
      std::int32_t id;
      std::ptrdiff_t before, behind;  // positions of its neighbours, -1 where there is none
    };
    auto const count = static_cast<std::ptrdiff_t>(word.size());
    std::vector<part> parts;
    for (std::ptrdiff_t i = 0; i < count; ++i)
      parts.push_back({first_[static_cast<unsigned char>(word[static_cast<std::size_t>(i)])], i - 1, i + 1 < count ? i + 1 : -1});
    if (count > 0) parts.back().id += 256;
    auto const at = [&](std::ptrdiff_t i) -> part& { return parts[static_cast<std::size_t>(i)]; };
    auto const merge_of = [&](std::ptrdiff_t left) -> std::int32_t {
      if (left < 0 || at(left).id < 0 || at(left).behind < 0) return -1;
      auto const found = merged_.find(key(at(left).id, at(at(left).behind).id));
      return found == merged_.end() ? -1 : found->second;
    };
    using entry = std::pair<std::int32_t, std::ptrdiff_t>;  // the merge's id, the position of its left part
    std::priority_queue<entry, std::vector<entry>, std::greater<>> queue;
    auto const offer = [&](std::ptrdiff_t left) {
      if (std::int32_t const id = merge_of(left); id >= 0) queue.emplace(id, left);
    };
    for (std::ptrdiff_t i = 0; i < count; ++i) offer(i);
    while (!queue.empty()) {
      auto const [id, left] = queue.top();
      queue.pop();
      if (merge_of(left) != id) continue;  // a neighbour was merged since
      part& gone = at(at(left).behind);
      at(left).id = id;
      at(left).behind = gone.behind;
      if (gone.behind >= 0) at(gone.behind).before = left;
      gone.id = -1;
      offer(at(left).before);
      offer(left);
    }
    for (part const& p : parts)
      if (p.id >= 0) ids.push_back(p.id);
  }

 private:
  static std::uint64_t key(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
  }
  static bool visible(int byte) { return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE; }

  /// Bytes in the order of their ids: the visible characters of Latin-1, then the others.
  static std::vector<int> byte_order() {
    std::vector<int> order;
    for (bool const wanted : {true, false})
      for (int byte = 0; byte < 256; ++byte)
        if (visible(byte) == wanted) order.push_back(byte);
    return order;
  }
  /// The character that spells a byte in the file: itself, or U+0100 and on for bytes that are not visible.
  static char32_t spelling_of(int byte) {
    if (visible(byte)) return static_cast<char32_t>(byte);
    char32_t hidden = 0x100;
    for (int b = 0; b < byte; ++b) hidden += !visible(b);
    return hidden;
  }
  /// FNV-1a, a line at a time.
  static std::uint64_t hash_line(std::uint64_t hash, std::string_view line) {
    for (char const c : line) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return (hash ^ '\n') * 0x100000001b3u;
  }

  std::vector<token> tokens_;
  std::array<std::int32_t, 256> first_{};  // ids of bytes
  std::unordered_map<std::uint64_t, std::int32_t> merged_;
  std::uint64_t fingerprint_ = 0xcbf29ce484222325u;
};

}  // namespace SPEARSTORM_NS::text
