#pragma once
// What every other header builds on: the version, its inline namespace, and the few macros of this library.

#include <math.h>  // the C names with their C++ overloads, so that functors may write exp(x) for float, double and SIMD batches alike
#include <cstddef>
#include <cstdint>

#define SPEARSTORM_VERSION_MAJOR 0
#define SPEARSTORM_VERSION_MINOR 2
#define SPEARSTORM_VERSION_PATCH 0
#define SPEARSTORM_VERSION "0.2.0"

/// Headers open `namespace SPEARSTORM_NS::folder {`: the inline part keeps two versions in one program apart.
#define SPEARSTORM_NS spearstorm::inline v0_2

/// Marks what runs on host and device: functors, row programs, the random generator.
#if defined(__CUDACC__)
#define SPEARSTORM_HD __host__ __device__
#else
#define SPEARSTORM_HD
#endif

namespace SPEARSTORM_NS {

/// Every size, offset and position. Signed, so that differences and loops down to zero are safe.
using index = std::ptrdiff_t;

/// A size that is known at run time only.
inline constexpr index dynamic = -1;

/// One byte a flag: `std::vector<bool>` has no address to hand to a kernel.
using flag = std::uint8_t;

}  // namespace SPEARSTORM_NS
