#pragma once
// Element types. bfloat16 is a storage type with conversions; arithmetic happens in float.

#include <bit>
#include <string_view>
#include <type_traits>

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS {

/// The upper half of a float: 8 bits of exponent, 7 of mantissa. Rounds to nearest, ties to even; NaN stays NaN.
struct bfloat16 {
  std::uint16_t bits = 0;

  bfloat16() = default;
  SPEARSTORM_HD constexpr explicit bfloat16(float value) {
    std::uint32_t const wide = std::bit_cast<std::uint32_t>(value);
    bool const is_nan = (wide & 0x7fffffffu) > 0x7f800000u;
    bits = static_cast<std::uint16_t>(is_nan ? (wide >> 16) | 0x40u : (wide + 0x7fffu + ((wide >> 16) & 1u)) >> 16);
  }
  SPEARSTORM_HD constexpr explicit operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
  friend bool operator==(bfloat16, bfloat16) = default;
};

/// A float with 10 of its 23 bits of mantissa, what tensor cores multiply. Rounds to nearest, ties away from zero, as the device's
/// conversion does; NaN stays NaN.
struct tfloat32 {
  std::uint32_t bits = 0;  ///< of a float, the lower 13 being 0

  tfloat32() = default;
  SPEARSTORM_HD constexpr explicit tfloat32(float value) {
    std::uint32_t const wide = std::bit_cast<std::uint32_t>(value);
    bool const is_nan = (wide & 0x7fffffffu) > 0x7f800000u;
    bits = (is_nan ? wide | 0x400000u : wide + 0x1000u) & ~0x1fffu;
  }
  SPEARSTORM_HD constexpr explicit operator float() const { return std::bit_cast<float>(bits); }
  friend bool operator==(tfloat32, tfloat32) = default;
};

/// The name that safetensors gives an element type.
template <class T>
inline constexpr std::string_view dtype_name = "unknown";
template <> inline constexpr std::string_view dtype_name<float> = "F32";
template <> inline constexpr std::string_view dtype_name<double> = "F64";
template <> inline constexpr std::string_view dtype_name<bfloat16> = "BF16";
template <> inline constexpr std::string_view dtype_name<std::int32_t> = "I32";
template <> inline constexpr std::string_view dtype_name<std::int64_t> = "I64";
template <> inline constexpr std::string_view dtype_name<std::uint64_t> = "U64";
template <> inline constexpr std::string_view dtype_name<std::uint8_t> = "U8";

/// What gradients can flow through, bfloat16 included.
template <class T>
inline constexpr bool is_floating = std::is_floating_point_v<T> || std::is_same_v<T, bfloat16>;

/// Precisions: what a policy computes with, what parameters are kept in, what sums run in, and what the factors of matrix
/// products are rounded to.
struct f32 {
  using value_type = float;
  using param_type = float;
  using accum_type = float;
  using factor_type = float;
};
struct f64 {
  using value_type = double;
  using param_type = double;
  using accum_type = double;
  using factor_type = double;
};
/// Float but for the factors of each matrix product, which tensor cores read with 10 bits of mantissa: a device's fast way to
/// nearly float's digits. cpu::simd rounds nothing, as its products of floats are as fast without.
struct tf32 : f32 {
  using factor_type = tfloat32;
};
/// Values, parameters and sums in float; both factors of each matrix product are rounded to bfloat16, as PyTorch's autocast
/// rounds them. What lies between the products stays float.
struct bf16_mixed : f32 {
  using factor_type = bfloat16;
};
/// The same; but where a few rows meet a parameter's matrix in a context that does not record, as in decoding, both are rounded to eight
/// bits and a scale for each 64 features: half the memory to read for each token. Sums of products stay exact within the 64.
struct int8_weights : bf16_mixed {
  using kept_type = std::int8_t;
};

namespace detail {
template <class Exec>
struct factor {
  using type = typename Exec::value_type;
};
template <class Exec>
  requires requires { typename Exec::precision::factor_type; }
struct factor<Exec> {
  using type = typename Exec::precision::factor_type;
};
}  // namespace detail
/// What a policy's products read: its precision's factor_type, value_type where it names no precision.
template <class Exec>
using factor_of = typename detail::factor<Exec>::type;
/// What a policy's caches keep of a factor: the factor where that is narrower than the value.
template <class Exec>
using cached_of =
    std::conditional_t<(sizeof(factor_of<Exec>) < sizeof(typename Exec::value_type)), factor_of<Exec>, typename Exec::value_type>;

}  // namespace SPEARSTORM_NS
