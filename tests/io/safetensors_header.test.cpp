#include "spearstorm/io/safetensors_header.hpp"

#include "catch.hpp"
#include "scratch.hpp"

namespace ss = spearstorm;
using ss::io::parse_safetensors_header;
using namespace test_io;

namespace {
std::string refusal(std::string const& text, std::uint64_t data = 8) {
  return what_of<ss::format_error>([&] { parse_safetensors_header(text, data, "f.safetensors"); });
}
/// A header of one tensor `w` with these fields.
std::string one(std::string const& dtype, std::string const& shape, std::string const& offsets) {
  return R"({"w":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}
}  // namespace

TEST_CASE("io/safetensors_header: reads names, shapes and places in file order") {
  auto const header = parse_safetensors_header(
      R"({"z":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"k":"v"},"a":{"dtype":"U8","shape":[],"data_offsets":[8,9]},)"
      R"("e":{"dtype":"I64","shape":[3,0],"data_offsets":[8,8]}}   )",
      9, "f");
  REQUIRE(header.tensors.size() == 3);
  CHECK(header.tensors[0] == ss::io::tensor_info{"z", "F32", {2}, 0, 8});
  CHECK(header.tensors[1] == ss::io::tensor_info{"e", "I64", {3, 0}, 8, 0});
  CHECK(header.tensors[2] == ss::io::tensor_info{"a", "U8", {}, 8, 1});
  CHECK(header.metadata == std::map<std::string, std::string>{{"k", "v"}});
  CHECK(parse_safetensors_header("{}", 0, "f").tensors.empty());
}

TEST_CASE("io/safetensors_header: knows the sizes of all types") {
  for (auto const& [dtype, bytes] : std::map<std::string, int>{{"BOOL", 1},
                                                               {"U8", 1},
                                                               {"I8", 1},
                                                               {"I16", 2},
                                                               {"U16", 2},
                                                               {"F16", 2},
                                                               {"BF16", 2},
                                                               {"I32", 4},
                                                               {"U32", 4},
                                                               {"F32", 4},
                                                               {"F64", 8},
                                                               {"I64", 8},
                                                               {"U64", 8}}) {
    CAPTURE(dtype);
    CHECK(refusal(one('"' + dtype + '"', "[3]", "[0," + std::to_string(3 * bytes) + "]"), static_cast<std::uint64_t>(3 * bytes)).empty());
  }
}

TEST_CASE("io/safetensors_header: refuses each fault with the tensor's name") {
  CHECK(refusal(one("\"F32\"", "[2]", "[0,8]")).empty());
  auto const w = contains("'f.safetensors': tensor 'w'");
  CHECK_THAT(refusal(one("\"F4\"", "[2]", "[0,8]")), w && contains("unknown dtype 'F4'"));
  CHECK_THAT(refusal(one("7", "[2]", "[0,8]")), w && contains("dtype is number"));
  CHECK_THAT(refusal(one("\"F32\"", "2", "[0,8]")), w && contains("shape is number"));
  for (std::string const size : {"-1", "2.0", "\"2\"", "true", "null", "[2]", "9223372036854775808", "18446744073709551616"}) {
    CAPTURE(size);
    CHECK_FALSE(refusal(one("\"F32\"", "[" + size + "]", "[0,8]")).empty());
    CHECK_FALSE(refusal(one("\"F32\"", "[2]", "[0," + size + "]")).empty());
    CHECK_FALSE(refusal(one("\"F32\"", "[2]", "[" + size + ",8]")).empty());
  }
  CHECK_THAT(refusal(one("\"F32\"", "[3]", "[0,8]")), w && contains("spans 8 bytes, its dtype and shape say 12"));
  CHECK_THAT(refusal(one("\"F32\"", "[4294967296,4294967296]", "[0,0]")), w && contains("too large"));
  CHECK_THAT(refusal(one("\"F32\"", "[2305843009213693952]", "[0,0]")), w && contains("too large"));  // only the bytes overflow
  CHECK_THAT(refusal(one("\"F32\"", "[2]", "[8,0]")), w && contains("before its start"));
  CHECK_THAT(refusal(one("\"F32\"", "[2]", "[0,8,9]")), w && contains("two numbers"));
  CHECK_THAT(refusal(one("\"F32\"", "[2]", "8")), w && contains("two numbers"));
  CHECK_THAT(refusal(one("\"F32\"", "[2]", "[4,12]"), 12), w && contains("(hole)"));
  CHECK_THAT(refusal(one("\"F32\"", "[2]", "[0,8]"), 7), w && contains("the file holds 7 bytes"));
  CHECK_THAT(refusal(one("\"F32\"", "[2]", "[0,8]"), 9), contains("tensors end at 8, the file holds 9"));
  CHECK_THAT(refusal("{}", 1), contains("tensors end at 0"));
  CHECK_THAT(refusal(R"({"w":5})"), w && contains("expected an object"));
  CHECK_THAT(refusal(R"({"w":{"dtype":"F32","shape":[2]}})"), w && contains("lacks 'data_offsets'"));
  CHECK_THAT(refusal(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})"), w && contains("unknown field 'x'"));
}

TEST_CASE("io/safetensors_header: refuses overlaps, holes and names given twice") {
  auto const two = [](std::string const& name, std::string const& offsets) {
    return R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},")" + name + R"(":{"dtype":"F32","shape":[1],"data_offsets":)" +
           offsets + "}}";
  };
  CHECK(refusal(two("b", "[4,8]")).empty());
  CHECK_THAT(refusal(two("b", "[3,7]"), 7), contains("tensor 'b' starts at 3, expected 4 (overlap)"));
  CHECK_THAT(refusal(two("b", "[0,4]"), 4), contains("tensor 'b'") && contains("(overlap)"));
  CHECK_THAT(refusal(two("b", "[5,9]"), 9), contains("tensor 'b' starts at 5, expected 4 (hole)"));
  CHECK_THAT(refusal(two("a", "[4,8]")), contains("'a' is given twice"));
  CHECK_THAT(refusal(R"({"__metadata__":{},"__metadata__":{}})", 0), contains("'__metadata__' is given twice"));
  CHECK_THAT(refusal(R"({"__metadata__":{"k":"1","k":"2"}})", 0), contains("'k' is given twice"));
}

TEST_CASE("io/safetensors_header: refuses bad text and bad metadata") {
  for (std::string const bad : {"", " {}", "\n{}", "[]", "\xef\xbb\xbf{}"}) CHECK_THAT(refusal(bad, 0), contains("does not open with '{'"));
  for (std::string const bad : {"{", "{}x", "{}{}", "{\"a\":}"}) CHECK_THAT(refusal(bad, 0), contains("bad JSON"));
  CHECK_THAT(refusal(std::string("{}\0", 3), 0), contains("zero byte"));
  CHECK(refusal("{} \n ", 0).empty());
  CHECK_THAT(refusal(R"({"__metadata__":{"k":1}})", 0), contains("'k' is number"));
  CHECK_THAT(refusal(R"({"__metadata__":[]})", 0), contains("__metadata__ is array"));
  CHECK_THAT(refusal(R"({"w":{"dtype":"F32","shape":[[2]],"data_offsets":[0,8]}})"), contains("nested deeper"));
}
