#include "spearstorm/io/argument_reader.hpp"

#include "io/scratch.hpp"

namespace ss = spearstorm;
using namespace test_io;

TEST_CASE("io/argument_reader: fields by their path, and what is wrong with them") {
  auto const all = ss::io::parse_json(R"({"dim": 12, "rate": 2, "flag": true, "none": null, "inner": {"dim": 3}, "name": "x"})", "test");
  ss::io::argument_reader const from(all, "here: ");
  CHECK(from.get<ss::index>("dim") == 12);
  CHECK(from.get<ss::index>("inner.dim") == 3);
  CHECK(from.get<double>("rate") == 2.0);  // a whole number is a number
  CHECK(from.get<bool>("flag"));
  CHECK(from.has("inner.dim"));
  CHECK_FALSE(from.has("none"));
  CHECK_FALSE(from.has("dim.inner"));
  CHECK(from.get_or<ss::index>("none", 7) == 7);
  CHECK(from.get_or<ss::index>("dim", 7) == 12);
  CHECK_THROWS_WITH(from.get<ss::index>("depth"), "here: configuration field 'depth' is missing, expected a whole number");
  CHECK_THROWS_WITH(from.get<ss::index>("none"), "here: configuration field 'none' is null, expected a whole number");
  CHECK_THROWS_WITH(from.get<bool>("dim"), "here: configuration field 'dim' is 12, expected true or false");
  CHECK_THROWS_WITH(from.get<double>("name"), "here: configuration field 'name' is \"x\", expected a number");
  CHECK_THROWS_WITH(from.get<double>("name.dim"), "here: configuration field 'name.dim' is missing, expected a number");
}
