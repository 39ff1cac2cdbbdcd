#pragma once
// The CUDA stream that the thrust backend works on, and how CUDA's errors are told.

#include "spearstorm/core/error.hpp"

#if defined(__CUDACC__)
#include <cuda_runtime_api.h>
#endif

namespace SPEARSTORM_NS {

/// The CUDA runtime or cuBLAS refused a call.
struct device_error : error {
  using error::error;
};

#if defined(__CUDACC__)

namespace detail {
/// @throws device_error with the function, what it was asked for, and CUDA's own words
template <class... Asked>
void check_cuda(cudaError_t status, char const* function, Asked const&... asked) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // taken, so that the next call is not blamed for it
  fail<device_error>(function, " ", asked..., ": ", cudaGetErrorString(status));
}

/// Made at first use, on the device that is current then, and never destroyed: at exit the runtime may have gone before.
inline cudaStream_t& working_stream() {
  static cudaStream_t stream = [] {
    cudaStream_t made = nullptr;
    check_cuda(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking), "thrust_device: starting", "the device");
    return made;
  }();
  return stream;
}
}  // namespace detail

namespace backend {
/// One stream for the process, not one a policy object: parameters and their memory belong to no workspace and are read by all of them,
/// so with a stream each, every use would have to wait for another's event. On one stream the order of the calls is the order of the
/// work. It does not wait for CUDA's default stream, nor does that one wait for it.
inline cudaStream_t thrust_stream() { return detail::working_stream(); }
}  // namespace backend

/// From here on the thrust backend works on `stream`, behind all that it was given before: for programs that have a stream of their own,
/// as PyTorch has (at::cuda::getCurrentCUDAStream()). What either side enqueues there runs in the order of the calls, and neither waits.
/// Null is CUDA's default stream. The stream is the caller's, of the same device, and lives until another one is named or the process
/// ends. No other thread may use the thrust backend during the call.
/// @throws device_error
inline void use_stream(cudaStream_t stream) {
  cudaStream_t& working = detail::working_stream();
  if (stream == working) return;
  cudaEvent_t done = nullptr;
  detail::check_cuda(cudaEventCreateWithFlags(&done, cudaEventDisableTiming), "use_stream: creating", "an event");
  cudaError_t const recorded = cudaEventRecord(done, working);
  cudaError_t const waited = recorded == cudaSuccess ? cudaStreamWaitEvent(stream, done, 0) : recorded;
  cudaEventDestroy(done);  // once it has happened
  detail::check_cuda(waited, "use_stream: waiting", "for the stream before");
  working = stream;
}

#endif

}  // namespace SPEARSTORM_NS
