// The ids of x_clip's tokenizer for 10,000 texts, by a vocabulary inside the golden and, where it is there, by the whole one.
#if defined(SPEARSTORM_HAVE_UTF8PROC) && defined(SPEARSTORM_HAVE_JSON)
#include <cstdio>

#include "catch.hpp"
#include "spearstorm/io/safetensors_reader.hpp"
#include "spearstorm/text/clip_tokenizer.hpp"

namespace ss = spearstorm;

namespace {

struct clip_golden {
  ss::io::safetensors_file file{SPEARSTORM_GOLDEN_DIR "/clip_tokenizer.safetensors"};

  std::vector<unsigned char> bytes(std::string const& name) const {
    std::vector<unsigned char> content(static_cast<std::size_t>(file.info(name).bytes));
    file.read<std::uint8_t>(name, content);
    return content;
  }
  std::string characters(std::string const& name) const {
    auto const content = bytes(name);
    return {content.begin(), content.end()};
  }
  std::vector<std::string> texts() const {
    std::string const all = characters("input.text");
    std::vector<std::string> parts;
    std::size_t at = 0;
    for (unsigned char const length : bytes("input.text_lengths")) parts.push_back(all.substr(at, length)), at += length;
    return parts;
  }
  /// Stored as pairs of bytes, the low one first.
  std::vector<std::vector<std::int32_t>> ids(std::string const& which) const {
    auto const all = bytes("output.ids" + which);
    std::vector<std::vector<std::int32_t>> rows;
    std::size_t at = 0;
    for (unsigned char const length : bytes("output.id_lengths" + which)) {
      auto& row = rows.emplace_back();
      for (int i = 0; i < length; ++i, at += 2) row.push_back(all[at] + 256 * all[at + 1]);
    }
    return rows;
  }
};

void compare(ss::text::clip_tokenizer const& clip, std::string const& which) {
  clip_golden const golden;
  auto const texts = golden.texts();
  auto const expected = golden.ids(which);
  REQUIRE(texts.size() == 10000);
  REQUIRE(expected.size() == 10000);
  std::size_t total = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    total += expected[i].size();
    if (clip.encode(texts[i]) == expected[i]) continue;
    CAPTURE(i, texts[i]);
    CHECK(clip.encode(texts[i]) == expected[i]);
  }
  CHECK(2 * static_cast<ss::index>(total) == golden.file.info("output.ids" + which).bytes);
}

}  // namespace

TEST_CASE("text/clip_tokenizer: ids equal those of x_clip with a part of its vocabulary") {
  ss::text::clip_tokenizer const clip(ss::text::byte_pairs(clip_golden().characters("input.vocabulary"), 1000, "golden"));
  compare(clip, "");
}

TEST_CASE("text/clip_tokenizer: ids equal those of x_clip with its vocabulary") {
  if (!std::getenv("SPEARSTORM_CLIP_VOCABULARY")) {
    std::puts("skipped: the whole CLIP vocabulary, which SPEARSTORM_CLIP_VOCABULARY does not name");
    return;
  }
  ss::text::clip_tokenizer const clip;
  CHECK(clip.size() == 49408);
  CHECK(clip.end_id() == 49407);
  CHECK(clip.decode(std::vector<std::int32_t>{49406, 40407, 49407}) == "berwick ");
  compare(clip, "_full");
}
#endif
