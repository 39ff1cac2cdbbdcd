#pragma once
// The foundation: tensors, contexts, expressions, the tape, and the policies that this build has. No layers, no files.

#include "spearstorm/backend/counted.hpp"
#include "spearstorm/backend/scalar.hpp"
#include "spearstorm/tape/recompute.hpp"
#include "spearstorm/tape/record.hpp"

// cpu::simd needs Eigen and xsimd, and is never seen by nvcc.
#if !defined(__CUDACC__) && __has_include(<Eigen/Core>) && __has_include(<xsimd/xsimd.hpp>)
#include "spearstorm/backend/simd/simd.hpp"
#endif
// thrust_device: under nvcc, or where a program chooses a host system of thrust.
#if defined(__CUDACC__) || defined(THRUST_DEVICE_SYSTEM)
#include "spearstorm/backend/thrust/thrust.hpp"
#endif
