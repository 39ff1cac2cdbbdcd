#include "spearstorm/runtime/print.hpp"

#include "catch.hpp"
#include "policies.hpp"
#include "spearstorm/tape/context.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

TEST_CASE("runtime/print: element type, axes and aligned values") {
  ss::array<float, rows<>, dim<>> const x({2, 3}, {1, -2.5f, 3, 10, 0.125f, 1e-9f});
  CHECK(ss::to_string(x) ==
        "F32 (rows = 2, dim = 3)\n"
        "[[    1,  -2.5,     3],\n"
        " [   10, 0.125, 1e-09]]");
  std::ostringstream text;
  text << x;
  CHECK(text.str() == ss::to_string(x));
}

TEST_CASE("runtime/print: bytes are numbers; no axis, no value") {
  CHECK(ss::to_string(ss::array<ss::flag, dim<>>({3}, {1, 0, 65})) == "U8 (dim = 3)\n[ 1,  0, 65]");
  CHECK(ss::to_string(ss::array<double>({}, 2.5)) == "F64 ()\n2.5");
  CHECK(ss::to_string(ss::array<double, dim<>>({0})) == "F64 (dim = 0)\n[]");
}

TEST_CASE("runtime/print: long axes are shortened") {
  ss::array<std::int32_t, rows<>, dim<>> x({2, 1000}, 7);
  CHECK(ss::to_string(x, {.edge = 2}) ==
        "I32 (rows = 2, dim = 1000)\n"
        "[[7, 7, ..., 7, 7],\n"
        " [7, 7, ..., 7, 7]]");
  ss::array<std::int32_t, rows<>, levels<>, dim<>> const three({2, 2, 1}, {1, 2, 3, 4});
  CHECK(ss::to_string(three) == "I32 (rows = 2, levels = 2, dim = 1)\n[[[1],\n  [2]],\n [[3],\n  [4]]]");
}

TEST_CASE("runtime/print: what a context holds") {
  ss::workspace<test::fastest> work;
  ss::inference<test::fastest> ctx{work};
  auto const x = ctx.upload(ss::array<float, dim<>>({2}, {1, 2}));
  CHECK(ss::to_string(ctx, x * 2.0) == "F32 (dim = 2)\n[2, 4]");
}
