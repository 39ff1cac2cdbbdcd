#pragma once
// gemm: floats by our kernels, doubles by Eigen, both in fixed tiles of C that the thread team takes in any order.

#if !defined(EIGEN_DONT_PARALLELIZE)
#define EIGEN_DONT_PARALLELIZE  // the tiles are the parallelism; Eigen's own would depend on the number of threads
#endif
#include <Eigen/Core>

#include "spearstorm/backend/simd/each_row.hpp"
#include "spearstorm/backend/simd/packed_gemm.hpp"

namespace SPEARSTORM_NS::backend {

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

template <class T>
void eigen_gemm(thread_team& team, gemm_call const& call, T const* a, T const* b, T* c) {
  using matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  bool const thin = call.m < 64;  // few rows: split the columns, whose weights are the traffic
  index const rows = thin ? call.m : 192, cols = thin ? 256 : 1024;
  index const down = (call.m + rows - 1) / rows, across = (call.n + cols - 1) / cols;
  team.run(call.batches * call.heads * down * across, [&](index task) {
    index const item = task / (down * across), i = task / across % down * rows, j = task % across * cols;
    index const m = std::min(rows, call.m - i), n = std::min(cols, call.n - j), k = call.k;
    T const* const as = a + call.a_offset(item) + (call.trans_a ? i : i * call.lda);
    T const* const bs = b + call.b_offset(item) + (call.trans_b ? j * call.ldb : j);
    Eigen::Map<matrix, Eigen::Unaligned, Eigen::OuterStride<>> out(c + call.c_offset(item) + i * call.ldc + j, m, n,
                                                                   Eigen::OuterStride<>(call.ldc));
    strided_matrix<T> const left(as, call.trans_a ? k : m, call.trans_a ? m : k, Eigen::OuterStride<>(call.lda));
    strided_matrix<T> const right(bs, call.trans_b ? n : k, call.trans_b ? k : n, Eigen::OuterStride<>(call.ldb));
    T const alpha = static_cast<T>(call.alpha), beta = static_cast<T>(call.beta);
    if (call.trans_a && call.trans_b) gemm_into(left.transpose(), right.transpose(), out, alpha, beta);
    if (call.trans_a && !call.trans_b) gemm_into(left.transpose(), right, out, alpha, beta);
    if (!call.trans_a && call.trans_b) gemm_into(left, right.transpose(), out, alpha, beta);
    if (!call.trans_a && !call.trans_b) gemm_into(left, right, out, alpha, beta);
  });
}

}  // namespace detail

template <class Arch, class Exec, class T>
void gemm(simd_tag<Arch>, Exec& exec, gemm_call const& call, T const* a, T const* b, T* c) {
  if constexpr (std::is_same_v<T, float>)
    packed_gemm<typename Exec::precision, Arch>(*exec.team, exec.packs, call, a, b, c);
  else
    detail::eigen_gemm(*exec.team, call, a, b, c);
}

namespace detail {

/// A factor as packed_gemm takes it: a pointer, or a program source(lanes, row, first, count, to).
template <class Arch, class A>
gemm_operand operand_of(A const& a) {
  if constexpr (std::is_pointer_v<A>)
    return a;
  else
    return row_source{[](void const* body, index row, index first, index count, float* to) {
                        (*static_cast<A const*>(body))(simd_lanes<float, Arch>{}, row, first, count, to);
                      },
                      &a};
}

/// The two programs behind a product.
template <class Arch, class Program, class Whole>
struct row_programs {
  Program const& part;
  Whole const& whole;

  tile_finish finish() const {
    tile_finish made{.body = this};
    if constexpr (!std::is_same_v<Program, nothing_more>)
      made.part = [](void const* body, index row, index first, index count) {
        static_cast<row_programs const*>(body)->part(simd_lanes<float, Arch>{}, row, first, count);
      };
    if constexpr (!std::is_same_v<Whole, nothing_more>)
      made.whole = [](void const* body, index row) { static_cast<row_programs const*>(body)->whole(simd_lanes<float, Arch>{}, row); };
    return made;
  }
};

}  // namespace detail

/// The rows of a tile are finished by who has just multiplied it, while they are in the cache; a row by who completes it.
template <class Arch, class Exec, class A, class Program, class Whole>
void gemm_rows(simd_tag<Arch>, Exec& exec, gemm_call const& call, A const& a, float const* b, float* c, Program const& program,
               Whole const& whole) {
  detail::row_programs<Arch, Program, Whole> const behind{program, whole};
  packed_gemm<typename Exec::precision, Arch>(*exec.team, exec.packs, call, detail::operand_of<Arch>(a), b, c, behind.finish());
}

template <class Arch, class Exec, class Program>
void gemm_then(simd_tag<Arch> tag, Exec& exec, gemm_call const& call, float const* a, float const* b, float* c, Program const& program) {
  gemm_rows(tag, exec, call, a, b, c, program, nothing_more{});
}

template <class Arch, class Exec, class Source>
void gemm_by_rows(simd_tag<Arch>, Exec& exec, gemm_call const& call, float const* a, Source const& b, float* c) {
  packed_gemm<typename Exec::precision, Arch>(*exec.team, exec.packs, call, a, detail::operand_of<Arch>(b), c);
}

}  // namespace SPEARSTORM_NS::backend
