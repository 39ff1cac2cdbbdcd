#include "spearstorm/io/input_file.hpp"

#include "catch.hpp"
#include "scratch.hpp"

namespace ss = spearstorm;
using namespace test_io;

TEST_CASE("io/input_file: reads at any position") {
  scratch here;
  put(here / "a", "0123456789");
  ss::io::input_file const file(here / "a");
  CHECK(file.size() == 10);
  CHECK(file.text() == "0123456789");
  std::string part(3, ' ');
  file.read(4, std::as_writable_bytes(std::span(part)));
  CHECK(part == "456");
}

TEST_CASE("io/input_file: says which file and why") {
  scratch here;
  put(here / "a", "0123456789");
  CHECK_THAT(what_of<ss::io_error>([&] { ss::io::input_file(here / "b"); }), contains("/b'") && contains("No such file"));
  CHECK_THAT(what_of<ss::io_error>([&] { ss::io::input_file{here.folder}; }), contains("not a regular file"));
  CHECK_THAT(what_of<ss::format_error>([&] { ss::io::input_file(here / "a").text(9); }), contains("10 bytes, expected at most 9"));
  std::string part(3, ' ');
  CHECK_THAT(what_of<ss::io_error>([&] { ss::io::input_file(here / "a").read(8, std::as_writable_bytes(std::span(part))); }),
             contains("ends at byte 10"));
}
