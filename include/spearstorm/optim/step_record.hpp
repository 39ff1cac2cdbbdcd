#pragma once
// What decides over a step: its loss, its gradients' norm, and what clipping makes of them. All of it stays where the policy computes, so that
// a step is on its way as a whole before the host waits, once, to learn what became of it.

#include "spearstorm/optim/gradient_norm.hpp"
#include "spearstorm/tape/context.hpp"

namespace SPEARSTORM_NS::optim {

/// What became of a step.
struct step_outcome {
  double loss = 0;    ///< the mean of the losses that were added to the step; 0 where none was
  double norm = 0;    ///< of the gradients, before clipping
  bool taken = true;  ///< false where one of the two is not finite: nothing was changed then
};

namespace detail {

/// What a step's programs read.
struct step_state : step_outcome {
  double scale = 1;  ///< of all gradients
};

/// One row: a loss, or one of `of` losses whose mean the step's is.
template <class T>
struct add_loss_row {
  T const* loss;
  step_state* to;
  double of;
  bool first;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index) const {
    Lanes::once([&] { to->loss = (first ? 0.0 : to->loss) + static_cast<double>(*loss) / of; });
  }
};

/// One row: the norm of the squares' sum, which stands in its place, and what follows from it.
struct judge_row {
  step_state* state;
  double max_norm;  ///< 0: no clipping
  bool has_loss, squared;

  SPEARSTORM_HD static bool is_finite(double x) { return x - x == 0; }
  SPEARSTORM_HD void judge() const {
    if (!has_loss) state->loss = 0;
    if (squared) state->norm = sqrt(state->norm);
    state->scale = max_norm > 0 && state->norm > max_norm ? max_norm / (state->norm + 1e-6) : 1;
    state->taken = is_finite(state->loss) && is_finite(state->norm);
  }
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index) const {
    Lanes::once([&] { judge(); });
  }
};

}  // namespace detail

/// One step's state in the policy's memory, from its first loss to the wait.
template <execution_policy Exec>
class step_record {
 public:
  using memory = typename Exec::memory;

  /// @param of how many losses the step's is the mean of
  /// @throws shape_error where the loss has more elements than one
  void add_loss_(context<Exec> auto& ctx, expression_like auto const& loss, index of) {
    auto const y = ctx.eval(loss);
    check_size("add_loss", "the loss", "size", y.size(), "a scalar", 1);
    using T = typename Exec::value_type;
    verbs::each_row<double>(ctx.exec(), 1, 1, detail::add_loss_row<T>{y.data(), state(), static_cast<double>(of), !has_loss_});
    has_loss_ = true;
  }

  /// Enqueues the norm and what follows from it. The losses added from here on are the next step's.
  /// @param known the norm, where the caller has it
  detail::step_state const* judge_(workspace<Exec>& work, gradient_table<Exec> const& gradients, double max_norm,
                                   std::optional<double> known) {
    detail::judge_row const judge{state(), max_norm, has_loss_, !known.has_value()};
    has_loss_ = false;
    if constexpr (memory::on_host) {
      judge.state->norm = known ? *known : squares_.on_host(work, gradients);
      judge.judge();
    } else {
      if (known)
        verbs::fill(work.exec(), &judge.state->norm, 1, *known);
      else
        squares_.enqueue(work, gradients, &judge.state->norm);
      verbs::each_row<double>(work.exec(), 1, 1, judge);
    }
    return judge.state;
  }

  /// Waits for what `judge_` enqueued.
  step_outcome outcome() const {
    detail::step_state found;
    if constexpr (verbs::runs<Exec>) memory::copy_out(&found, state_.data(), sizeof found);
    return found;
  }

 private:
  detail::step_state* state() {
    if (state_.size() == 0) {
      detail::step_state const start;
      state_ = buffer<detail::step_state, memory>(1);
      memory::copy_in(state_.data(), &start, sizeof start);
    }
    return state_.data();
  }

  buffer<detail::step_state, memory> state_;
  detail::square_sum<Exec> squares_;
  bool has_loss_ = false;
};

}  // namespace SPEARSTORM_NS::optim
