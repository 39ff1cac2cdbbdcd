#pragma once
// counted<Exec>: the same policy, with an account of what its verbs were asked to do.

#include <algorithm>
#include <memory>

#include "spearstorm/backend/verbs.hpp"

namespace SPEARSTORM_NS {

/// What a machine can do at most: for the least time that work takes on it (Williams et al. 2009, the roofline model).
struct roofline {
  double flops_per_second = 0;  ///< of matrix products; 0: no time is counted
  double bytes_per_second = 0;
  double launch_seconds = 0;  ///< of each verb, however little it does
  double operands = 3;        ///< of element-wise work, whose bytes are counted once: most of it reads two numbers and writes one

  double product(double flops, double bytes) const { return launch_seconds + std::max(flops / flops_per_second, bytes / bytes_per_second); }
  double elements(double bytes) const { return launch_seconds + operands * bytes / bytes_per_second; }
};

struct counters {
  double flops = 0;                                 ///< of matrix products; element-wise work is told by bytes
  double bytes = 0;                                 ///< read and written by the operands of products, or touched once by element-wise work
  index calls = 0;                                  ///< verbs
  index uploads = 0;                                ///< host to policy memory
  index downloads = 0;                              ///< and back
  index logit_rows = 0;                             ///< rows of logits computed by level heads
  double product_seconds = 0, element_seconds = 0;  ///< at least, on `machine`
  roofline machine{};

  void product(backend::gemm_call const& call, std::size_t element) {
    ++calls;
    flops += call.flops();
    auto const items = static_cast<double>(call.batches * call.heads);
    double const moved = items * static_cast<double>(element) * static_cast<double>(call.m * call.k + call.k * call.n + call.m * call.n);
    bytes += moved;
    if (machine.flops_per_second > 0) product_seconds += machine.product(call.flops(), moved);
  }
  void elements(index n, std::size_t element) {
    ++calls;
    double const moved = static_cast<double>(n) * static_cast<double>(element);
    bytes += moved;
    if (machine.flops_per_second > 0) element_seconds += machine.elements(moved);
  }
};

/// Reset or read through `work.exec().counts`; the counters belong to the policy object, so to one workspace.
template <execution_policy Exec>
struct counted : Exec {
  explicit counted(thread_team& team) : Exec(team), counts(std::make_shared<counters>()) {}
  std::shared_ptr<counters> counts;
};

/// A dry run: verbs are counted and memory is taken, but nothing is computed. Values are undefined; sizes, FLOPs and the
/// workspace's high water are those of the real run.
template <execution_policy Exec>
struct shape_only : counted<Exec> {
  using bodiless = void;
  using counted<Exec>::counted;
};

}  // namespace SPEARSTORM_NS
