#include "spearstorm/text/tokenizer.hpp"

#include "io/scratch.hpp"
#include "spearstorm/text/byte_tokenizer.hpp"
#include "spearstorm/text/character_tokenizer.hpp"

namespace ss = spearstorm;
using namespace ss::text;

TEST_CASE("text/tokenizer: any tokenizer is the one it was made of") {
  static_assert(tokenizer<any_tokenizer> && tokenizer<byte_tokenizer> && tokenizer<character_tokenizer>);
  static_assert(!tokenizer<std::string>);
  std::vector<any_tokenizer> const some = {byte_tokenizer(), character_tokenizer::of("ab"), character_tokenizer::of("ba")};
  CHECK(some[0].size() == 256);
  CHECK(some[1].size() == 2);
  CHECK(some[0].encode("ab") == std::vector<std::int32_t>{97, 98});
  CHECK(some[1].encode("ab") == std::vector<std::int32_t>{0, 1});
  CHECK(some[2].decode(some[2].encode("ab")) == "ab");
  any_tokenizer const copy = some[2];
  CHECK(copy.description() == some[2].description());
  CHECK(some[1].description() != some[2].description());
  CHECK(some[0].description().name == "byte");
}
