#pragma once
// A row program run by a block of CUDA threads a row. Its twin on the host is host_block.hpp.

#include "spearstorm/backend/thrust/block_lanes.hpp"
#include "spearstorm/backend/thrust/stream.hpp"

#if defined(__CUDACC__)

namespace SPEARSTORM_NS::backend {

/// The calling thread's block. On the host there is none: there these functions are compiled and never called.
struct device_block {
  static constexpr index threads = 128;

  SPEARSTORM_HD static index size() { return threads; }
  SPEARSTORM_HD static index rank() {
#if defined(__CUDA_ARCH__)
    return static_cast<index>(threadIdx.x);
#else
    return 0;
#endif
  }
  SPEARSTORM_HD static void barrier() {
#if defined(__CUDA_ARCH__)
    __syncthreads();
#endif
  }
  template <class T>
  SPEARSTORM_HD static T* shared() {
#if defined(__CUDA_ARCH__)
    __shared__ T parts[threads];
#else
    static T parts[threads];
#endif
    return parts;
  }
};

template <class T, class Program>
__global__ void __launch_bounds__(device_block::threads) row_blocks(Program const program, index const rows) {
  for (index row = blockIdx.x; row < rows; row += gridDim.x) program(block_lanes<T, device_block>{}, row);
}

/// program(lanes, row) by a block for each row; where there are very many rows, for some of them each.
template <class T, class Program>
void each_row_by_blocks(index rows, Program const& program) {
  index const most = index{1} << 16, blocks = rows < most ? rows : most;
  row_blocks<T><<<static_cast<unsigned>(blocks), static_cast<unsigned>(device_block::threads), 0, thrust_stream()>>>(program, rows);
  spearstorm::detail::check_cuda(cudaGetLastError(), "thrust_device: starting", "a block for each of ", rows, " rows");
}

}  // namespace SPEARSTORM_NS::backend

#endif
