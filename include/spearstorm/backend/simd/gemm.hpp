#pragma once
// gemm by Eigen, single-threaded inside fixed tiles of C that the thread team takes in any order.

#if !defined(EIGEN_DONT_PARALLELIZE)
#define EIGEN_DONT_PARALLELIZE  // the tiles are the parallelism; Eigen's own would depend on the number of threads
#endif
#include <Eigen/Core>
#include <algorithm>

#include "spearstorm/backend/gemm_call.hpp"
#include "spearstorm/backend/simd/each_row.hpp"

namespace SPEARSTORM_NS::backend {

/// The tile grid is a function of the shape, so a tile's arithmetic is the same for any number of threads.
struct gemm_tiles {
  index rows, cols;
  explicit gemm_tiles(gemm_call const& call) {
    bool const thin = call.m < 64;  // few rows: split the columns, whose weights are the traffic
    rows = thin ? call.m : 192;
    cols = thin ? 256 : 1024;
  }
};

namespace detail {
template <class T>
using strided_matrix =
    Eigen::Map<Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> const, Eigen::Unaligned, Eigen::OuterStride<>>;

template <class Scalar, class A, class B, class C>
void gemm_into(A const& a, B const& b, C&& c, Scalar alpha, Scalar beta) {
  if (beta == Scalar(0)) {
    c.noalias() = alpha * (a * b);
  } else {
    if (beta != Scalar(1)) c *= beta;
    c.noalias() += alpha * (a * b);
  }
}
}  // namespace detail

template <class Arch, class Exec, class T>
void gemm(simd_tag<Arch>, Exec& exec, gemm_call const& call, T const* a, T const* b, T* c) {
  using matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  gemm_tiles const tile(call);
  index const down = (call.m + tile.rows - 1) / tile.rows, across = (call.n + tile.cols - 1) / tile.cols;
  exec.team->run(call.batches * call.heads * down * across, [&](index task) {
    index const item = task / (down * across), i = task / across % down * tile.rows, j = task % across * tile.cols;
    index const m = std::min(tile.rows, call.m - i), n = std::min(tile.cols, call.n - j), k = call.k;
    T const* const as = a + call.a_offset(item) + (call.trans_a ? i : i * call.lda);
    T const* const bs = b + call.b_offset(item) + (call.trans_b ? j * call.ldb : j);
    Eigen::Map<matrix, Eigen::Unaligned, Eigen::OuterStride<>> out(c + call.c_offset(item) + i * call.ldc + j, m, n,
                                                                   Eigen::OuterStride<>(call.ldc));
    detail::strided_matrix<T> const left(as, call.trans_a ? k : m, call.trans_a ? m : k, Eigen::OuterStride<>(call.lda));
    detail::strided_matrix<T> const right(bs, call.trans_b ? n : k, call.trans_b ? k : n, Eigen::OuterStride<>(call.ldb));
    T const alpha = static_cast<T>(call.alpha), beta = static_cast<T>(call.beta);
    if (call.trans_a && call.trans_b) detail::gemm_into(left.transpose(), right.transpose(), out, alpha, beta);
    if (call.trans_a && !call.trans_b) detail::gemm_into(left.transpose(), right, out, alpha, beta);
    if (!call.trans_a && call.trans_b) detail::gemm_into(left, right.transpose(), out, alpha, beta);
    if (!call.trans_a && !call.trans_b) detail::gemm_into(left, right, out, alpha, beta);
  });
}

}  // namespace SPEARSTORM_NS::backend
