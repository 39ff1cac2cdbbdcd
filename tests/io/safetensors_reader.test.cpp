#include "spearstorm/io/safetensors_reader.hpp"

#include "catch.hpp"
#include "scratch.hpp"

namespace ss = spearstorm;
using ss::io::safetensors_file;
using namespace test_io;

namespace {
std::string file_of(std::string const& header, std::string const& data, std::uint64_t length) {
  return std::string(reinterpret_cast<char const*>(&length), 8) + header + data;
}
std::string file_of(std::string const& header, std::string const& data) { return file_of(header, data, header.size()); }
std::string const small_header =
    R"({"one":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"two":{"dtype":"BF16","shape":[1,3],"data_offsets":[8,14]}} )";
std::string const small_data{"\x00\x00\x80\x3f\x00\x00\x20\xc0\x80\x3f\x00\x40\x40\xc0", 14};  // 1, -2.5; 1, 2, -3
}  // namespace

TEST_CASE("io/safetensors_reader: reads a file written by hand") {
  scratch here;
  put(here / "a", file_of(small_header, small_data));
  safetensors_file const file(here / "a");
  REQUIRE(file.infos().size() == 2);
  CHECK(file.info("two") == ss::io::tensor_info{"two", "BF16", {1, 3}, 8, 6});
  CHECK((file.contains("one") && !file.contains("three")));
  std::vector<float> one(2);
  file.read("one", std::span(one));
  CHECK(one == std::vector<float>{1, -2.5f});
  std::vector<ss::bfloat16> two(3);
  file.read("two", std::span(two));
  CHECK(two == std::vector<ss::bfloat16>{ss::bfloat16(1), ss::bfloat16(2), ss::bfloat16(-3)});
  CHECK(file.bytes("one") == std::vector<std::byte>{std::byte{0}, std::byte{0}, std::byte{0x80}, std::byte{0x3f}, std::byte{0},
                                                    std::byte{0}, std::byte{0x20}, std::byte{0xc0}});
}

TEST_CASE("io/safetensors_reader: converts on request only") {
  scratch here;
  put(here / "a", file_of(small_header, small_data));
  safetensors_file const file(here / "a");
  std::vector<float> three(3);
  CHECK_THAT(what_of<ss::format_error>([&] { file.read("two", std::span(three)); }), contains("tensor 'two' has dtype BF16, expected F32"));
  file.read_converted("two", std::span(three));
  CHECK(three == std::vector<float>{1, 2, -3});
  std::vector<double> wide(2);
  file.read_converted("one", std::span(wide));
  CHECK(wide == std::vector<double>{1, -2.5});
  std::vector<ss::bfloat16> narrow(2);
  file.read_converted("one", std::span(narrow));
  CHECK(narrow == std::vector<ss::bfloat16>{ss::bfloat16(1), ss::bfloat16(-2.5f)});
  CHECK_THAT(what_of<ss::shape_error>([&] { file.read("one", std::span(three)); }), contains("tensor 'one' has 2 elements, expected 3"));
  CHECK_THAT(what_of<ss::shape_error>([&] { file.read_converted("two", std::span(wide)); }),
             contains("tensor 'two' has 3 elements, expected 2"));
  CHECK_THAT(what_of<ss::format_error>([&] { file.bytes("none"); }), contains("no tensor 'none'"));

  put(here / "i", file_of(R"({"n":{"dtype":"I32","shape":[2],"data_offsets":[0,8]}})", small_data.substr(0, 8)));
  CHECK_THAT(what_of<ss::format_error>([&] { safetensors_file(here / "i").read_converted("n", std::span(wide)); }),
             contains("expected F32, F64 or BF16"));
}

TEST_CASE("io/safetensors_reader: refuses the file cut at every length, and one byte too many") {
  scratch here;
  std::string const whole = file_of(small_header, small_data);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    put(here / "cut", whole.substr(0, length));
    CHECK_THAT(what_of<ss::format_error>([&] { safetensors_file(here / "cut"); }), contains("cut"));
  }
  put(here / "cut", whole + "x");
  CHECK_THROWS_AS(safetensors_file(here / "cut"), ss::format_error);
}

TEST_CASE("io/safetensors_reader: a header's length is checked before it is believed") {
  scratch here;
  put(here / "a", file_of("{}", "", 100'000'001));
  CHECK_THAT(what_of<ss::format_error>([&] { safetensors_file(here / "a"); }), contains("expected at most 100000000"));
  put(here / "a", file_of("{}", "", 3));
  CHECK_THAT(what_of<ss::format_error>([&] { safetensors_file(here / "a"); }), contains("header of 3 bytes, the file holds 2"));
  put(here / "a", file_of("{}", "", ~std::uint64_t{0}));
  CHECK_THROWS_AS(safetensors_file(here / "a"), ss::format_error);
  CHECK_THROWS_AS(safetensors_file(here / "none"), ss::io_error);
}
