#include "spearstorm/text/tokenize.hpp"

#include "io/scratch.hpp"
#include "spearstorm/text/character_tokenizer.hpp"

namespace ss = spearstorm;
using ss::text::tokenize;
using ids = std::vector<std::int32_t>;
using test_io::what_of;

namespace {
auto const letters = ss::text::character_tokenizer::of("abc");
ids content(auto const& rows) { return {rows.begin(), rows.end()}; }
}  // namespace

TEST_CASE("text/tokenize: rows are padded with -1, also where the first text is empty") {
  std::vector<std::string> const texts = {"", "abc", "a"};
  auto const rows = tokenize(letters, texts);
  CHECK(rows.extents() == ss::sizes<2>{3, 3});
  CHECK(content(rows) == ids{-1, -1, -1, 0, 1, 2, 0, -1, -1});
  std::vector<std::string> const empty = {""};
  CHECK(tokenize(letters, empty).extents() == ss::sizes<2>{1, 0});
}

TEST_CASE("text/tokenize: the context's length") {
  std::vector<std::string> const texts = {"ab", "abc"};
  CHECK(content(tokenize(letters, texts, {.context_length = 2, .truncate_text = true})) == ids{0, 1, 0, 1});
  CHECK(content(tokenize(letters, texts, {.context_length = 4, .pad_to_context_length = true})) == ids{0, 1, -1, -1, 0, 1, 2, -1});
  CHECK(what_of<ss::value_error>([&] { tokenize(letters, texts, {.context_length = 2}); }) ==
        "tokenize: text 1 has 3 ids, expected at most context_length = 2");
  std::vector<std::string> const longest = {std::string(256, 'a')}, longer = {std::string(257, 'a')};
  CHECK(tokenize(letters, longest).extent(1) == 256);
  CHECK_THROWS_AS(tokenize(letters, longer), ss::value_error);
  CHECK_THROWS_AS(tokenize(letters, texts, {.context_length = 0}), ss::value_error);
}
