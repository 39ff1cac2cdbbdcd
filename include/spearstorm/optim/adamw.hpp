#pragma once
// AdamW (Loshchilov and Hutter 2019), Adam where weight decay is 0: one pass over all gradients for their norm, one over all parameters.

#include <functional>

#include "spearstorm/optim/gradient_norm.hpp"
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
  T keep;  ///< what weight decay leaves
};

template <class T>
struct adamw_elements {
  span_view<adamw_span<T>> table;
  T scale, beta1, beta2, step_size, root_scale, eps;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index position, index positions) const {
    using pack = typename Lanes::pack;
    auto const& span = table.of(position / span_chunk);
    index const first = table.offset(span, position), left = span.size - first;
    if (left <= 0) return;  // behind the end of its span
    T *const p = span.p + first, *const m = span.m + first, *const v = span.v + first;
    T const* const g = span.g + first;
    T const keep = span.keep;
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
  /// @throws numeric_error where that norm is not finite: nothing is changed then
  template <class Model>
  double step_(workspace<Exec>& work, Model& model, gradient_table<Exec>& gradients, std::optional<double> known = {}) {
    double const norm = known ? *known : gradient_norm(work, gradients);
    if (!std::isfinite(norm))
      fail<numeric_error>("adamw: the gradients' norm is ", norm, ", expected a finite number; no parameter was changed");
    prepare(model);
    ++steps_;
    double const scale = options.max_grad_norm > 0 && norm > options.max_grad_norm ? options.max_grad_norm / (norm + 1e-6) : 1;
    double const bias1 = 1 - std::pow(options.beta1, static_cast<double>(steps_)),
                 bias2 = 1 - std::pow(options.beta2, static_cast<double>(steps_));
    using T = value_type;
    span_table<Exec, detail::adamw_span<T>> table;
    std::size_t at = 0;
    for_each_parameter(model, [&](std::string const&, auto& p) {
      auto& s = slots_[at++];
      auto const* const g = gradients.of(p);
      if (!g) return;
      double const decay = decays(s.name, p.rank) ? options.weight_decay : 0;
      table.add({{p.size()}, p.change_(), s.mean.data(), s.square.data(), g, T(1 - options.rate * decay)});
    });
    auto const mark = work.values().here();
    verbs::transform<T>(work.exec(), table.chunks() * span_chunk, span_chunk,
                        detail::adamw_elements<T>{table.upload(work), T(scale), T(options.beta1), T(options.beta2), T(options.rate / bias1),
                                                  T(1 / std::sqrt(bias2)), T(options.eps)});
    work.values().rewind(mark);
    return norm;
  }

  /// Steps taken; what a checkpoint restores.
  index steps() const { return steps_; }
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
      std::vector<value_type> const zeros(static_cast<std::size_t>(p.size()));
      memory::copy_in(s.mean.data(), zeros.data(), zeros.size() * sizeof(value_type));
      memory::copy_in(s.square.data(), zeros.data(), zeros.size() * sizeof(value_type));
      slots_.push_back(std::move(s));
    });
  }

  std::vector<slot> slots_;
  index steps_ = 0;
};

}  // namespace SPEARSTORM_NS::optim
