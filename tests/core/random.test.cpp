#include "spearstorm/core/random.hpp"

#include <cmath>
#include <set>
#include <vector>

#include "catch.hpp"

namespace ss = spearstorm;
using block = std::array<std::uint32_t, 4>;

TEST_CASE("core/random: the known answers of Random123 (kat_vectors, philox4x32 10)") {
  CHECK(ss::philox({0, 0, 0, 0}, {0, 0}) == block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  std::uint32_t const all = 0xffffffff;
  CHECK(ss::philox({all, all, all, all}, {all, all}) == block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(ss::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("core/random: key is the seed, counter is (step, stream, example, position / 4)") {
  ss::random_stream const draws{0x299f31d0a4093822, 0x243f6a88, 0x85a308d3};
  std::uint32_t const position = 0x03707344u << 2;  // fits: the upper bits are zero
  CHECK(draws.bits(0x13198a2e, position + 0) == 0xd16cfe09);
  CHECK(draws.bits(0x13198a2e, position + 1) == 0x94fdcceb);
  CHECK(draws.bits(0x13198a2e, position + 2) == 0x5001e420);
  CHECK(draws.bits(0x13198a2e, position + 3) == 0x24126ea1);
}

TEST_CASE("core/random: seed, step, stream, example and position each change the draw") {
  std::set<std::uint32_t> const drawn{ss::random_stream{1, 2, 3}.bits(4, 5),
                                      ss::random_stream{2, 2, 3}.bits(4, 5),
                                      ss::random_stream{1, 3, 3}.bits(4, 5),
                                      ss::random_stream{1, 2, 4}.bits(4, 5),
                                      ss::random_stream{1, 2, 3}.bits(5, 5),
                                      ss::random_stream{1, 2, 3}.bits(4, 6),
                                      ss::random_stream{1ull << 32 | 1, 2, 3}.bits(4, 5)};
  CHECK(drawn.size() == 7);
}

TEST_CASE("core/random: stream names are FNV-1a") {
  CHECK(ss::stream_id("") == 0x811c9dc5u);
  CHECK(ss::stream_id("a") == 0xe40c292cu);
  CHECK(ss::stream_id("foobar") == 0xbf9cf968u);
  CHECK(ss::stream_id("bar", ss::stream_id("foo")) == ss::stream_id("foobar"));
}

TEST_CASE("core/random: moments of the draws") {
  ss::random_stream const draws{3, 0, 0};
  int const n = 20000;
  double u = 0, g = 0, z = 0, zz = 0;
  std::vector<int> counts(7);
  for (std::uint32_t i = 0; i < n; ++i) {
    float const x = draws.uniform(0, i), normal = draws.normal(1, i), gumbel = draws.gumbel(2, i);
    REQUIRE((x >= 0 && x < 1));
    REQUIRE((std::isfinite(normal) && std::isfinite(gumbel)));
    u += x, g += gumbel, z += normal, zz += normal * normal;
    ++counts.at(draws.below(7, 3, i));
  }
  CHECK(u / n == Approx(0.5).margin(0.01));
  CHECK(z / n == Approx(0).margin(0.03));
  CHECK(zz / n == Approx(1).margin(0.04));
  CHECK(g / n == Approx(0.5772).margin(0.04));  // Euler's constant
  for (int count : counts) CHECK(count == Approx(n / 7.0).epsilon(0.07));
}
