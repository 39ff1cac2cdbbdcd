#include "spearstorm/io/npy.hpp"

#include <cstdint>

#include "scratch.hpp"

namespace ss = spearstorm;
using namespace ss::axes;
using namespace test_io;
using ss::io::load_npy;

namespace {
std::string npy(std::string header, std::string const& data) {
  header += '\n';
  return std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size()) + '\0' + header + data;
}
}  // namespace

TEST_CASE("io/npy: reads a file written by hand, row-major and column-major") {
  scratch here;
  std::string const data("\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5\0\0\0\6\0\0\0", 24);
  put(here / "rows", npy("{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }", data));
  auto const by_rows = load_npy<std::int32_t, frames<>, dim<3>>(here / "rows");
  CHECK(by_rows == ss::array<std::int32_t, frames<>, dim<3>>({2, 3}, {1, 2, 3, 4, 5, 6}));
  put(here / "columns", npy("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3), }", data));
  auto const by_columns = load_npy<std::int32_t, frames<>, dim<3>>(here / "columns");
  CHECK(by_columns == ss::array<std::int32_t, frames<>, dim<3>>({2, 3}, {1, 3, 5, 2, 4, 6}));
}

TEST_CASE("io/npy: what was saved is loaded") {
  scratch here;
  ss::array<float, batch<>, frames<>, dim<2>> const three({2, 2, 2}, {1, 2, 3, 4, -5, 6.5f, 7, 1e-30f});
  ss::io::save_npy(here / "a.npy", three);
  CHECK(content(here / "a.npy").starts_with("\x93NUMPY"));
  CHECK(load_npy<float, batch<>, frames<>, dim<2>>(here / "a.npy") == three);
  ss::array<std::uint8_t, frames<>> const one({3}, {0, 1, 255});
  ss::io::save_npy(here / "b.npy", one);
  CHECK(load_npy<std::uint8_t, frames<>>(here / "b.npy") == one);
  ss::array<std::int64_t, frames<>, dim<>> const empty({0, 4});
  ss::io::save_npy(here / "d.npy", empty);
  CHECK(load_npy<std::int64_t, frames<>, dim<>>(here / "d.npy") == empty);
}

TEST_CASE("io/npy: refuses other types, other shapes and broken files with the file's name") {
  scratch here;
  ss::io::save_npy(here / "a.npy", ss::array<float, frames<>, dim<>>({2, 3}));
  auto const path = here / "a.npy";
  CHECK_THAT((what_of<ss::format_error>([&] { load_npy<double, frames<>, dim<>>(path); })),
             contains("a.npy") && contains("expected descr '<f8'"));
  CHECK_THAT((what_of<ss::shape_error>([&] { load_npy<float, frames<>>(path); })), contains("a.npy' has 2 axes, expected 1"));
  CHECK_THAT((what_of<ss::shape_error>([&] { load_npy<float, frames<>, dim<4>>(path); })),
             contains("a.npy") && contains("dim = 3, its type says 4"));
  CHECK_THAT((what_of<ss::io_error>([&] { load_npy<float, frames<>>(here / "none"); })), contains("No such file"));

  std::string const whole = content(path);
  for (std::size_t length = 0; length < whole.size(); length += length < 12 ? 1 : 7) {
    CAPTURE(length);
    put(here / "cut", whole.substr(0, length));
    CHECK_THROWS_AS((load_npy<float, frames<>, dim<>>(here / "cut")), ss::format_error);
  }
  for (std::string const header :
       {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }", "{'descr': '<f4', 'fortran_order': False, }",
        "{'descr': '>f4', 'fortran_order': False, 'shape': (1, 1), }", "{'descr': '<f4', 'fortran_order': 7, 'shape': (1, 1), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, x), }", ""}) {
    CAPTURE(header);
    put(here / "bad", npy(header, "abcd"));
    CHECK_THROWS_AS((load_npy<float, frames<>, dim<>>(here / "bad")), ss::format_error);
  }
}
