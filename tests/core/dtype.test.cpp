#include "spearstorm/core/dtype.hpp"

#include <cmath>
#include <limits>

#include "catch.hpp"

namespace ss = spearstorm;
using ss::bfloat16;

static float round_trip(float x) { return static_cast<float>(bfloat16(x)); }

TEST_CASE("core/dtype: bfloat16 is the upper half of a float") {
  CHECK(bfloat16(1.0f).bits == 0x3f80);
  CHECK(bfloat16(-2.0f).bits == 0xc000);
  CHECK(bfloat16(0.0f).bits == 0);
  CHECK(bfloat16(-0.0f).bits == 0x8000);
  CHECK(round_trip(0.15625f) == 0.15625f);
}

TEST_CASE("core/dtype: rounds to nearest, ties to even") {
  float const step = 1.0f / 128;                           // between neighbours at 1
  CHECK(round_trip(1 + step / 2) == 1);                    // tie, even below
  CHECK(round_trip(1 + step + step / 2) == 1 + 2 * step);  // tie, even above
  CHECK(round_trip(1 + step * 0.51f) == 1 + step);
  CHECK(round_trip(1 + step * 0.49f) == 1);
  CHECK(round_trip(-1 - step * 0.51f) == -1 - step);
  CHECK(round_trip(1.999f) == 2);  // carries into the exponent
}

TEST_CASE("core/dtype: infinities, overflow and NaN") {
  float const infinity = std::numeric_limits<float>::infinity();
  CHECK(round_trip(infinity) == infinity);
  CHECK(round_trip(-infinity) == -infinity);
  CHECK(round_trip(std::numeric_limits<float>::max()) == infinity);
  CHECK(std::isnan(round_trip(std::numeric_limits<float>::quiet_NaN())));
  CHECK(std::isnan(round_trip(std::bit_cast<float>(0x7f800001u))));  // whose upper half alone is infinity
}

TEST_CASE("core/dtype: every bfloat16 survives the way through float") {
  int wrong = 0;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    bfloat16 x;
    x.bits = static_cast<std::uint16_t>(bits);
    float const wide = static_cast<float>(x);
    wrong += !std::isnan(wide) && bfloat16(wide).bits != bits;
  }
  CHECK(wrong == 0);
}

TEST_CASE("core/dtype: tfloat32 keeps 10 bits of mantissa, rounds to nearest and ties away from zero") {
  auto const round_trip = [](float x) { return static_cast<float>(ss::tfloat32(x)); };
  float const step = 1.0f / 1024, infinity = std::numeric_limits<float>::infinity();
  CHECK(ss::tfloat32(1 + step).bits == 0x3f802000);
  CHECK(round_trip(1 + step / 2) == 1 + step);  // ties
  CHECK(round_trip(1 + step + step / 2) == 1 + 2 * step);
  CHECK(round_trip(-1 - step / 2) == -1 - step);
  CHECK(round_trip(1 + step * 0.499f) == 1);
  CHECK(round_trip(1 + step * 0.501f) == 1 + step);
  CHECK(round_trip(1.9999f) == 2);                             // carries into the exponent
  CHECK(round_trip(1e-41f) == std::bit_cast<float>(0x2000u));  // what float holds below its smallest normal number
  CHECK(std::bit_cast<std::uint32_t>(round_trip(-0.0f)) == 0x80000000u);
  CHECK(round_trip(infinity) == infinity);
  CHECK(round_trip(-std::numeric_limits<float>::max()) == -infinity);
  for (std::uint32_t nan : {0x7f800001u, 0x7fffffffu, 0xff801000u}) CHECK(std::isnan(round_trip(std::bit_cast<float>(nan))));
}

TEST_CASE("core/dtype: every tfloat32 survives the way through float") {
  int wrong = 0;
  for (std::uint32_t high = 0; high < 0x80000; ++high) {
    auto const x = std::bit_cast<float>(high << 13);
    wrong += !std::isnan(x) && ss::tfloat32(x).bits != high << 13;
  }
  CHECK(wrong == 0);
}

namespace {
template <class Precision>
struct policy_of {
  using precision = Precision;
  using value_type = typename Precision::value_type;
};
}  // namespace

TEST_CASE("core/dtype: a cache keeps factors where they are narrower than values") {
  CHECK(std::is_same_v<ss::cached_of<policy_of<ss::f32>>, float>);
  CHECK(std::is_same_v<ss::cached_of<policy_of<ss::f64>>, double>);
  CHECK(std::is_same_v<ss::cached_of<policy_of<ss::bf16_mixed>>, bfloat16>);
  CHECK(std::is_same_v<ss::cached_of<policy_of<ss::tf32>>, float>);
}

TEST_CASE("core/dtype: safetensors' names") {
  CHECK(ss::dtype_name<float> == "F32");
  CHECK(ss::dtype_name<bfloat16> == "BF16");
  CHECK(ss::dtype_name<std::int64_t> == "I64");
  CHECK(ss::dtype_name<ss::flag> == "U8");
}
