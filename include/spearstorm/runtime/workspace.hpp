#pragma once
// What a context borrows: memory, threads, the random seed and step. One workspace serves one thread at a time.

#include "spearstorm/core/dtype.hpp"
#include "spearstorm/core/random.hpp"
#include "spearstorm/core/unique.hpp"
#include "spearstorm/runtime/arena.hpp"
#include "spearstorm/runtime/thread_team.hpp"

namespace SPEARSTORM_NS {

/// A policy names its value types, its memory and its backend's tag, and is constructed from a team of threads.
template <class Exec>
concept execution_policy = requires(thread_team& team) {
  typename Exec::value_type;
  typename Exec::param_type;
  typename Exec::accum_type;
  typename Exec::memory;
  typename Exec::tag;
  Exec{team};
};

struct workspace_options {
  std::uint64_t seed = 0;
  index threads = 0;     ///< 0: one per processor
  bool anomaly = false;  ///< check every stored value and name the op that first made one that is not finite
};

/// What decides every draw: save it with a checkpoint, restore it to resume.
struct random_state {
  std::uint64_t seed = 0;
  std::uint32_t step = 0;    ///< advances with every root context
  std::uint32_t layers = 0;  ///< layers initialised so far
  friend bool operator==(random_state const&, random_state const&) = default;
};

template <execution_policy Exec>
class workspace {
  static_assert(is_floating<typename Exec::value_type> && is_floating<typename Exec::param_type> && is_floating<typename Exec::accum_type>,
                "spearstorm: workspace: a policy computes with floating-point types, as the precisions f32 and f64 do");

 public:
  using exec_type = Exec;
  using memory = typename Exec::memory;

  explicit workspace(workspace_options options = {})
      : team_(options.threads), exec_(team_), random_{options.seed, 0, 0}, anomaly_(options.anomaly) {}
  workspace(workspace const&) = delete;
  workspace& operator=(workspace const&) = delete;

  Exec& exec() { return exec_; }
  thread_team& team() { return team_; }
  arena<memory>& values() { return values_; }           ///< tensors
  arena<host_memory>& closures() { return closures_; }  ///< what the tape saves beside tensors
  bool anomaly() const { return anomaly_; }

  random_state random() const { return random_; }
  void restore_(random_state state) { random_ = state; }
  /// The draws of initialisers: one stream per parameter, in the order of construction.
  random_stream next_initialiser() { return {random_.seed, 0, stream_id("initialise", ++random_.layers)}; }

  /// Serials of the contexts and frames that are alive, outermost first.
  std::uint32_t open() {
    live_.push_back(detail::next_serial());  // unique in the process, so that a tensor of another workspace is found out
    return live_.back();
  }
  /// Ends a context or frame and what is nested in it; false where an outer one's end has ended it already.
  bool close(std::uint32_t serial) noexcept {
    index const at = position(serial);
    if (at >= 0) live_.resize(static_cast<std::size_t>(at));
    return at >= 0;
  }
  /// How deep an open context or frame is nested; -1 where it has ended.
  index position(std::uint32_t serial) const noexcept {
    for (std::size_t at = live_.size(); at-- > 0;)
      if (live_[at] == serial) return static_cast<index>(at);
    return -1;
  }
  bool is_innermost(std::uint32_t serial) const { return !live_.empty() && live_.back() == serial; }
  bool busy() const { return !live_.empty(); }

  /// A root context begins a step.
  std::uint32_t begin_step() {
    if constexpr (requires { exec_.packs.begin_step(); }) exec_.packs.begin_step();
    return random_.step++;
  }

 private:
  thread_team team_;
  Exec exec_;
  arena<memory> values_;
  arena<host_memory> closures_;
  std::vector<std::uint32_t> live_;
  random_state random_;
  bool anomaly_;
};

}  // namespace SPEARSTORM_NS
