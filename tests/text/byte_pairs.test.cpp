#include "spearstorm/text/byte_pairs.hpp"

#include "io/scratch.hpp"

namespace ss = spearstorm;
using ss::text::byte_pairs;
using ids = std::vector<std::int32_t>;
using test_io::what_of;

namespace {
ids of(byte_pairs const& pairs, std::string_view word) {
  ids made;
  pairs.encode(word, made);
  return made;
}
}  // namespace

TEST_CASE("text/byte_pairs: bytes without merges") {
  byte_pairs const pairs("", 0, "none");
  CHECK(pairs.size() == 512);
  CHECK(of(pairs, "!~") == ids{0, 256 + 93});  // visible characters come first
  CHECK(of(pairs, "\xa1\xac\xae\xff") == ids{94, 105, 106, 256 + 187});
  CHECK(of(pairs, std::string_view("\0 \x7f\xa0\xad\0", 6)) == ids{188, 220, 221, 254, 255, 256 + 188});  // then the others
  CHECK(of(pairs, "").empty());
}

TEST_CASE("text/byte_pairs: the lowest merge first, from the left") {
  byte_pairs const pairs("any first line\na b\nb c\na a\nab c</w>\nab ab\naa a</w>\n", 6, "toy");
  auto const a = 'a' - '!', b = 'b' - '!', c = 'c' - '!';
  CHECK(of(pairs, "abc") == ids{515});  // a b first, then ab c</w>
  CHECK(of(pairs, "bcab") == ids{513, a, 256 + b});
  CHECK(of(pairs, "abcb") == ids{512, c, 256 + b});
  CHECK(of(pairs, "aaa") == ids{517});               // aa from the left, then with the last a
  CHECK(of(pairs, "aaaa") == ids{514, a, 256 + a});  // the last two do not merge: the last is another symbol
  CHECK(of(pairs, "ababab") == ids{516, a, 256 + b});
  CHECK(pairs.token_of(515).bytes == "abc");
  CHECK(pairs.token_of(515).ends_word);
  CHECK_FALSE(pairs.token_of(516).ends_word);
}

TEST_CASE("text/byte_pairs: only the merges asked for are read") {
  byte_pairs const all("x\na b\nb c", 2, "toy"), crlf("y\r\na b\r\nb c\r\n", 2, "toy"), one("x\na b\nb c", 1, "toy");
  CHECK(one.size() == 513);
  CHECK(all.fingerprint() == byte_pairs("other line\na b\nb c\nrest", 2, "toy").fingerprint());
  CHECK(of(crlf, "abbc") == of(all, "abbc"));
  CHECK(all.fingerprint() != one.fingerprint());
}

TEST_CASE("text/byte_pairs: a long word takes no square of its length") {
  byte_pairs const pairs("\na a\naa aa\naaaa aaaa\n", 3, "toy");
  CHECK(of(pairs, std::string(800001, 'a')).size() == 100001);  // minutes, if each merge walked the word
}

TEST_CASE("text/byte_pairs: errors name source and line") {
  auto const refusal = [](std::string const& content, ss::index merges) {
    return what_of<ss::format_error>([&] { byte_pairs(content, merges, "v.txt"); });
  };
  CHECK(refusal("x\na b\n", 2) == "byte_pairs: 'v.txt', line 3: the file ends after 1 merges, expected 2");
  CHECK(refusal("x\nab\n", 1) == "byte_pairs: 'v.txt', line 2: 'ab', expected two parts");
  CHECK(refusal("x\na b c\n", 1) == "byte_pairs: 'v.txt', line 2: 'a b c', expected two parts");
  CHECK(refusal("x\na bc\nb c\n", 2) == "byte_pairs: 'v.txt', line 2: 'bc' is no byte and no result of an earlier merge");
  CHECK(refusal("x\na b\nb c\na bc\nab c\n", 4) == "byte_pairs: 'v.txt', line 5: 'ab c' makes what an earlier line makes");
  CHECK(refusal("x\na</w> b\n", 1) == "byte_pairs: 'v.txt', line 2: 'a</w> b' goes on behind the end of a word");
  CHECK(refusal("x\n\xff b\n", 1).find("is no byte") != std::string::npos);
}
