#include "spearstorm/io/json.hpp"

#include "catch.hpp"
#include "scratch.hpp"

namespace ss = spearstorm;
using ss::io::parse_json;
using namespace test_io;

TEST_CASE("io/json: parses one value") {
  auto const value = parse_json(R"({"a": [1, -2, 0.5], "b": {"a": null}} )", "x.json");
  CHECK(value["a"][1] == -2);
  CHECK(value["b"]["a"].is_null());
}

TEST_CASE("io/json: refuses what a lenient parser lets pass") {
  auto const refusal = [](std::string const& text, int depth = 64) {
    return what_of<ss::format_error>([&] { parse_json(text, "x.json", depth); });
  };
  CHECK(refusal(R"({"a": 1, "a": 2})") == "x.json: JSON key 'a' is given twice");
  CHECK(refusal(R"({"a": {"b": 1}, "c": [{"b": 1, "b": 1}]})") == "x.json: JSON key 'b' is given twice");
  CHECK(refusal(R"({"a": {"b": 1}, "b": [{"b": 1}, {"b": 1}]})").empty());
  CHECK(refusal("[[[1]]]", 3).empty());
  CHECK(refusal("[[[1]]]", 2) == "x.json: JSON nested deeper than 2");
  CHECK_THAT(refusal("\xef\xbb\xbf{}"), contains("byte order mark"));
  for (std::string const bad : {"", "{", "{}x", "{'a': 1}", "{\"a\": 1,}", "[NaN]", "// c\n1", "{\"a\": \"\xff\"}", "[01]", "[1e999]"}) {
    CAPTURE(bad);
    CHECK_THAT(refusal(bad), contains("x.json: bad JSON"));
  }
  CHECK_THAT(refusal(std::string(100000, '[')), contains("deeper than 64"));
}
