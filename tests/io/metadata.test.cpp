#include "spearstorm/io/metadata.hpp"

#include "io/scratch.hpp"

namespace ss = spearstorm;
using namespace test_io;

TEST_CASE("io/metadata: numbers read back as they were, anything else is named") {
  std::map<std::string, std::string> const entries{
      {"format", "mine"}, {"format_version", "2"}, {"third", ss::io::number_text(1.0 / 3)}, {"word", "3x"}};
  ss::io::metadata_reader const metadata(entries, "read: 'a': ");
  CHECK(metadata.number<double>("third") == 1.0 / 3);
  CHECK(metadata.text("word") == "3x");
  CHECK_NOTHROW(metadata.require("mine", 2));
  CHECK(what_of<ss::format_error>([&] { metadata.number<int>("word"); }) == "read: 'a': metadata 'word' is '3x', expected a number");
  CHECK(what_of<ss::format_error>([&] { metadata.text("none"); }) == "read: 'a': metadata lacks 'none'");
  CHECK(what_of<ss::format_error>([&] { metadata.require("yours", 2); }) == "read: 'a': format is 'mine', expected 'yours'");
  CHECK(what_of<ss::format_error>([&] { metadata.require("mine", 1); }) == "read: 'a': format_version is 2, this library reads 1");
}
