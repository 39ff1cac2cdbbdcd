#include "spearstorm/io/safetensors_writer.hpp"

#include "catch.hpp"
#include "scratch.hpp"

namespace ss = spearstorm;
using ss::io::safetensors_writer;
using namespace test_io;

TEST_CASE("io/safetensors_writer: writes these bytes") {
  scratch here;
  std::vector<float> const values = {1, -2.5f};
  safetensors_writer(here / "a").add("w", {2, 1}, std::span(values)).commit();
  std::string const header = R"({"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}})";  // 56 bytes: no blanks needed
  CHECK(content(here / "a") == std::string("\x38\0\0\0\0\0\0\0", 8) + header + std::string("\x00\x00\x80\x3f\x00\x00\x20\xc0", 8));
  safetensors_writer(here / "a").metadata("k", "v").commit();
  CHECK(content(here / "a") == std::string("\x20\0\0\0\0\0\0\0", 8) + R"({"__metadata__":{"k":"v"}})" + "      ");
}

TEST_CASE("io/safetensors_writer: refuses what could not be read back") {
  scratch here;
  std::vector<float> const values(6);
  auto const bytes = std::as_bytes(std::span(values));
  safetensors_writer file(here / "a");
  file.add("w", {2, 3}, std::span(values)).metadata("k", "v");
  CHECK_THAT(what_of<ss::value_error>([&] { file.add("w", {6}, std::span(values)); }), contains("tensor 'w' is given twice"));
  CHECK_THAT(what_of<ss::value_error>([&] { file.metadata("k", "u"); }), contains("metadata 'k' is given twice"));
  CHECK_THAT(what_of<ss::value_error>([&] { file.add("__metadata__", {6}, std::span(values)); }), contains("format's own"));
  CHECK_THAT(what_of<ss::format_error>([&] { file.add("v", {2, 4}, std::span(values)); }),
             contains("tensor 'v' is given 24 bytes") && contains("say 32"));
  CHECK_THAT(what_of<ss::format_error>([&] { file.add("v", "F33", {6}, bytes); }), contains("unknown dtype 'F33'"));
  CHECK_THAT(what_of<ss::format_error>([&] { file.add("v", "F32", {-6}, bytes); }), contains("negative"));
  CHECK_FALSE(std::filesystem::exists(here / "a"));
  file.add("bad \xff name", {6}, std::span(values));
  CHECK_THAT(what_of<ss::value_error>([&] { file.commit(); }), contains("UTF-8"));
  CHECK(here.count() == 0);
}
