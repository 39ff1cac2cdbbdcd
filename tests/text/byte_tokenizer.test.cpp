#include "spearstorm/text/byte_tokenizer.hpp"

#include "io/scratch.hpp"

namespace ss = spearstorm;
using ids = std::vector<std::int32_t>;
using test_io::what_of;

TEST_CASE("text/byte_tokenizer: bytes both ways") {
  ss::text::byte_tokenizer const bytes;
  CHECK(bytes.encode("A\u00e9") == ids{65, 0xC3, 0xA9});
  CHECK(bytes.encode("").empty());
  std::string const zero("a\0b", 3);
  CHECK(bytes.decode(bytes.encode(zero)) == zero);
  CHECK(bytes.decode(ids{65, 0xC3, 0xA9, -1, -1}) == "A\u00e9");
  CHECK(bytes.decode(ids{65, 0xC3, 66}) == "A\ufffdB");
}

TEST_CASE("text/byte_tokenizer: errors") {
  ss::text::byte_tokenizer const bytes;
  CHECK(what_of<ss::format_error>([&] { bytes.encode("a\xc3"); }) == "byte_tokenizer: text has 0xc3 at byte 1, expected UTF-8");
  CHECK(what_of<ss::value_error>([&] { bytes.decode(ids{1, 256}); }) == "byte_tokenizer: id 1 = 256, expected at most 255");
}
