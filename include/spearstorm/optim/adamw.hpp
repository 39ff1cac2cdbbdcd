#pragma once
// AdamW (Loshchilov and Hutter 2019), Adam where weight decay is 0: one pass over all gradients for their norm, one over all parameters.

#include <functional>

#include "spearstorm/optim/step_record.hpp"
#include "spearstorm/runtime/visit.hpp"

namespace SPEARSTORM_NS::optim {

/// Defaults of the packages' trainers.
struct adamw_options {
  double rate = 3e-4;
  double beta1 = 0.9, beta2 = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;     ///< of the parameters that `adamw::decays` names
  double max_grad_norm = 0.5;  ///< 0: no clipping
};

namespace detail {

/// A parameter, its moments and its gradient.
template <class T>
struct adamw_span : table_span {
  T *p, *m, *v;
  T const* g;
  bool decays;
  friend bool operator==(adamw_span const&, adamw_span const&) = default;
};

template <class T>
struct adamw_elements {
  span_view<adamw_span<T>> table;
  step_state const* state;
  T kept;  ///< what weight decay leaves
  T beta1, beta2, step_size, root_scale, eps;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index position, index positions) const {
    using pack = typename Lanes::pack;
    if (!state->taken) return;
    auto const& span = table.of(position / span_chunk);
    index const first = table.offset(span, position), left = span.size - first;
    if (left <= 0) return;  // behind the end of its span
    T *const p = span.p + first, *const m = span.m + first, *const v = span.v + first;
    T const* const g = span.g + first;
    T const scale = static_cast<T>(state->scale), keep = span.decays ? kept : T(1);
    Lanes::each(positions < left ? positions : left, [&](auto at) {
      pack const grad = at.load(g) * pack(scale);
      pack const mean = pack(beta1) * at.load(m) + pack(T(1) - beta1) * grad;
      pack const square = pack(beta2) * at.load(v) + pack(T(1) - beta2) * grad * grad;
      at.store(m, mean);
      at.store(v, square);
      at.store(p, at.load(p) * pack(keep) - pack(step_size) * mean / (sqrt(square) * pack(root_scale) + pack(eps)));
    });
  }
};

}  // namespace detail

template <execution_policy Exec>
class adamw {
 public:
  using value_type = typename Exec::param_type;
  using memory = typename Exec::memory;

  /// What is remembered of one parameter.
  struct slot {
    std::string name;
    std::uint64_t id;
    buffer<value_type, memory> mean, square;
  };

  adamw_options options;
  /// Which parameters decay, by path and rank: matrices and tables, no bias. The packages look at the ranks of their state_dict instead,
  /// where a norm's scale may have three axes and decays.
  std::function<bool(std::string const& path, index rank)> decays = [](std::string const& path, index rank) {
    return rank >= 2 && !path.ends_with("bias");
  };

  explicit adamw(adamw_options with = {}) : options(with) {
    check_range("adamw", "beta1", with.beta1, 0.0, 1.0);
    check_range("adamw", "beta2", with.beta2, 0.0, 1.0);
    check_range("adamw", "weight_decay", with.weight_decay, 0.0, 1e3);
  }

  /// One step; a parameter that the loss does not depend on is left alone. Returns the gradients' norm before clipping.
  /// @param known the gradients' norm where the caller has it already
  /// @throws numeric_error where that norm, or a loss that was added, is not finite: nothing is changed then
  template <class Model>
  double step_(workspace<Exec>& work, Model& model, gradient_table<Exec>& gradients, std::optional<double> known = {}) {
    enqueue_(work, model, gradients, known);
    auto const [loss, norm, taken] = settle_(work);
    if (!std::isfinite(loss)) fail<numeric_error>("adamw: the loss is ", loss, ", expected a finite number; no parameter was changed");
    if (!taken) fail<numeric_error>("adamw: the gradients' norm is ", norm, ", expected a finite number; no parameter was changed");
    return norm;
  }

  // -- the same in two parts, between which a device has the whole step before it:
  //
  //   adam.add_loss_(ctx, loss);                 where the loss is to be known and to be finite as well
  //   adam.enqueue_(work, model, gradients);
  //   auto const step = adam.settle_(work);      the only wait

  /// Adds a loss to the step to come: its loss, or one of `of` whose mean it is.
  void add_loss_(context<Exec> auto& ctx, expression_like auto const& loss, index of = 1) {
    settle_(ctx.work());
    record_.add_loss_(ctx, loss, of);
  }
  /// Begins a step, once the one before is settled. Where its norm or its loss turns out not to be finite, it changes nothing.
  template <class Model>
  void enqueue_(workspace<Exec>& work, Model& model, gradient_table<Exec>& gradients, std::optional<double> known = {}) {
    settle_(work);
    prepare(model);
    using T = value_type;
    auto const step = static_cast<double>(steps_ + 1);
    double const bias1 = 1 - std::pow(options.beta1, step), bias2 = 1 - std::pow(options.beta2, step);
    table_.clear();
    std::size_t at = 0;
    for_each_parameter(model, [&](std::string const&, auto& p) {
      auto& s = slots_[at++];
      if (auto const* const g = gradients.of(p))
        table_.add({{p.size()}, p.change_(), s.mean.data(), s.square.data(), g, decays(s.name, p.rank)});
    });
    detail::adamw_elements<T> const elements{table_.upload(work),
                                             record_.judge_(work, gradients, options.max_grad_norm, known),
                                             T(1 - options.rate * options.weight_decay),
                                             T(options.beta1),
                                             T(options.beta2),
                                             T(options.rate / bias1),
                                             T(1 / std::sqrt(bias2)),
                                             T(options.eps)};
    verbs::transform<T>(work.exec(), table_.chunks() * span_chunk, span_chunk, elements);
    under_way_ = true;
  }
  /// Waits for the step under way; what became of the last one.
  step_outcome settle_(workspace<Exec>& work) {
    if (!under_way_) return last_;
    if constexpr (verbs::counting<Exec> && !memory::on_host) ++work.exec().counts->downloads;
    last_ = record_.outcome();
    steps_ += last_.taken;
    under_way_ = false;
    return last_;
  }

  /// Steps taken, one under way included, for which this waits; what a checkpoint restores.
  index steps() const { return steps_ + (under_way_ && record_.outcome().taken); }
  std::vector<slot>& slots() { return slots_; }
  std::vector<slot> const& slots() const { return slots_; }
  template <class Model>
  void restore_steps_(Model& model, index steps) {
    prepare(model);
    steps_ = steps;
  }

 private:
  template <class Model>
  void prepare(Model& model) {
    if (!slots_.empty()) return;
    for_each_parameter(model, [&](std::string const& name, auto const& p) {
      slot s{name, p.id(), buffer<value_type, memory>(p.size()), buffer<value_type, memory>(p.size())};
      for (auto* const moments : {s.mean.data(), s.square.data()})
        write_each<memory>(moments, p.size(), [](index) { return value_type(0); });
      slots_.push_back(std::move(s));
    });
  }

  std::vector<slot> slots_;
  index steps_ = 0;  // settled ones
  span_table<Exec, detail::adamw_span<value_type>> table_;
  step_record<Exec> record_;
  step_outcome last_;
  bool under_way_ = false;
};

}  // namespace SPEARSTORM_NS::optim
