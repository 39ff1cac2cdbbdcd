#pragma once
// The library behind gemm: cuBLAS under nvcc, Eigen on the host systems. Both execute the same column-major plan, so that
// its arguments are tested where no GPU is.

#include "spearstorm/backend/gemm_plan.hpp"
#include "spearstorm/backend/generic/gemm.hpp"
#include "spearstorm/backend/thrust/memory.hpp"

#if defined(__CUDACC__)
#include <cublas_v2.h>

#include <type_traits>

namespace SPEARSTORM_NS::backend {

/// Owns the library's handle; one a policy object, so one a workspace.
class products {
 public:
  products() {
    thrust_stream();  // wakes the device, or says why there is none
    check(cublasCreate(&handle_), "create");
    check(cublasSetMathMode(handle_, CUBLAS_DEFAULT_MATH), "math mode");  // float stays float: no TF32 but where tf32 asks for it
  }
  products(products const&) = delete;
  products& operator=(products const&) = delete;
  ~products() { cublasDestroy(handle_); }

  /// Exec names the precision of the factors.
  template <class Exec, class T>
  void run(gemm_plan const& p, T alpha, T const* a, T const* b, T beta, T* c) {
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>, "spearstorm: gemm: cuBLAS multiplies float and double here");
    auto const op = [](bool trans) { return trans ? CUBLAS_OP_T : CUBLAS_OP_N; };
    using factor = factor_of<Exec>;
    constexpr bool narrow = std::is_same_v<factor, bfloat16> || std::is_same_v<factor, tfloat32>;
    follow(thrust_stream());
    if constexpr (narrow)  // rounds the floats that it reads
      check(cublasGemmStridedBatchedEx_64(handle_, op(p.trans_a), op(p.trans_b), p.m, p.n, p.k, &alpha, a, CUDA_R_32F, p.lda, p.stride_a, b,
                                          CUDA_R_32F, p.ldb, p.stride_b, &beta, c, CUDA_R_32F, p.ldc, p.stride_c, p.count,
                                          std::is_same_v<factor, bfloat16> ? CUBLAS_COMPUTE_32F_FAST_16BF : CUBLAS_COMPUTE_32F_FAST_TF32,
                                          CUBLAS_GEMM_DEFAULT),
            "gemm");
    else if constexpr (std::is_same_v<T, float>)
      check(cublasSgemmStridedBatched_64(handle_, op(p.trans_a), op(p.trans_b), p.m, p.n, p.k, &alpha, a, p.lda, p.stride_a, b, p.ldb,
                                         p.stride_b, &beta, c, p.ldc, p.stride_c, p.count),
            "gemm");
    else
      check(cublasDgemmStridedBatched_64(handle_, op(p.trans_a), op(p.trans_b), p.m, p.n, p.k, &alpha, a, p.lda, p.stride_a, b, p.ldb,
                                         p.stride_b, &beta, c, p.ldc, p.stride_c, p.count),
            "gemm");
  }

 private:
  /// Products go where all else goes; setting the same stream again would make the library drop its workspace.
  void follow(cudaStream_t stream) {
    if (followed_ == stream && following_) return;
    check(cublasSetStream(handle_, stream), "stream");
    followed_ = stream;
    following_ = true;
  }
  static void check(cublasStatus_t status, char const* function) {
    if (status != CUBLAS_STATUS_SUCCESS) fail<device_error>("cuBLAS: ", function, ": ", cublasGetStatusString(status));
  }
  cublasHandle_t handle_ = nullptr;
  cudaStream_t followed_ = nullptr;  // null is a stream, too
  bool following_ = false;
};

}  // namespace SPEARSTORM_NS::backend

#define SPEARSTORM_THRUST_GEMM 1
#elif __has_include(<Eigen/Core>)
#if !defined(EIGEN_DONT_PARALLELIZE)
#define EIGEN_DONT_PARALLELIZE
#endif
#include <Eigen/Core>

namespace SPEARSTORM_NS::backend {

class products {
 public:
  /// Exec names the precision of the factors.
  template <class Exec, class T>
  void run(gemm_plan const& p, T alpha, T const* a, T const* b, T beta, T* c) const {
    using matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;
    using stride = Eigen::OuterStride<>;
    auto const factor = [](T const* from, index rows, index cols, index ld) {
      Eigen::Map<matrix const, Eigen::Unaligned, stride> const stored(from, rows, cols, stride(ld));
      if constexpr (std::is_same_v<factor_of<Exec>, T>)
        return stored;
      else
        return matrix(stored.unaryExpr([](T x) { return as_factor<Exec>(x); }));
    };
    for (index i = 0; i < p.count; ++i) {
      auto const left = factor(a + i * p.stride_a, p.trans_a ? p.k : p.m, p.trans_a ? p.m : p.k, p.lda);
      auto const right = factor(b + i * p.stride_b, p.trans_b ? p.n : p.k, p.trans_b ? p.k : p.n, p.ldb);
      Eigen::Map<matrix, Eigen::Unaligned, stride> out(c + i * p.stride_c, p.m, p.n, stride(p.ldc));
      if (beta == T(0))
        out.setZero();  // not scaled: C may hold anything, NaN included
      else if (beta != T(1))
        out *= beta;
      if (p.trans_a && p.trans_b) out.noalias() += alpha * left.transpose() * right.transpose();
      if (p.trans_a && !p.trans_b) out.noalias() += alpha * left.transpose() * right;
      if (!p.trans_a && p.trans_b) out.noalias() += alpha * left * right.transpose();
      if (!p.trans_a && !p.trans_b) out.noalias() += alpha * left * right;
    }
  }
};

}  // namespace SPEARSTORM_NS::backend

#define SPEARSTORM_THRUST_GEMM 1
#else

namespace SPEARSTORM_NS::backend {
class products {};  // no library: the generic loops serve
}  // namespace SPEARSTORM_NS::backend

#endif
