#pragma once
// thrust_device: the same verbs on thrust. Under nvcc they run on CUDA with cuBLAS; under a host compiler on thrust's OMP or
// CPP system with Eigen, which is how they are tested where no GPU is.

#include <memory>

#include "spearstorm/backend/thrust/copy_rows.hpp"
#include "spearstorm/backend/thrust/each_row.hpp"
#include "spearstorm/backend/thrust/gemm.hpp"
#include "spearstorm/backend/thrust/scan.hpp"
#include "spearstorm/backend/thrust/sort.hpp"
#include "spearstorm/backend/verbs.hpp"
#include "spearstorm/core/dtype.hpp"

namespace SPEARSTORM_NS {

template <class Precision = f32>
struct thrust_device {
  using precision = Precision;
  using value_type = typename Precision::value_type;
  using param_type = typename Precision::param_type;
  using accum_type = typename Precision::accum_type;
  using memory = device_memory;
  using tag = backend::thrust_tag;

  explicit thrust_device(thread_team& with) : team(&with), library(std::make_shared<backend::products>()) {}
  thread_team* team;
  std::shared_ptr<backend::products> library;
};

}  // namespace SPEARSTORM_NS
