#pragma once
// AdamW (Loshchilov and Hutter 2019), Adam where weight decay is 0: one pass over each parameter.

#include <cmath>
#include <functional>

#include "spearstorm/runtime/visit.hpp"
#include "spearstorm/tape/gradient_table.hpp"
#include "spearstorm/tape/reduce.hpp"

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

template <class T>
struct adamw_elements {
  T *p, *m, *v;
  T const* g;
  T scale, beta1, beta2, step_size, root_scale, eps, keep;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    using pack = typename Lanes::pack;
    Lanes::each(count, [&](auto at) {
      pack const grad = at.load(g + first) * pack(scale);
      pack const mean = pack(beta1) * at.load(m + first) + pack(T(1) - beta1) * grad;
      pack const square = pack(beta2) * at.load(v + first) + pack(T(1) - beta2) * grad * grad;
      at.store(m + first, mean);
      at.store(v + first, square);
      at.store(p + first, at.load(p + first) * pack(keep) - pack(step_size) * mean / (sqrt(square) * pack(root_scale) + pack(eps)));
    });
  }
};

/// Row r: the sum of squares of the r-th span.
template <class T>
struct square_sum_row {
  T const* g;
  T* out;
  index n, span;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    index const first = row * span, count = first + span < n ? span : n - first;
    out[row] = Lanes::sum(count, [&](auto at) {
      auto const x = at.load(g + first);
      return typename Lanes::pack(x * x);
    });
  }
};

}  // namespace detail

/// The norm over all gradients of a table, in place order: sums in fixed chunks, then in double.
/// @cost reads every gradient once
template <execution_policy Exec>
double gradient_norm(workspace<Exec>& work, gradient_table<Exec> const& gradients) {
  using T = typename Exec::param_type;
  constexpr index span = spearstorm::detail::sum_span;
  auto const mark = work.values().here();
  auto const scratch = [&](index n) { return static_cast<T*>(work.values().allocate(static_cast<std::size_t>(n) * sizeof(T))); };
  double total = 0;
  for (auto const& place : gradients.places()) {
    if (!place.written) continue;
    index const spans = (place.size + span - 1) / span;
    T *const parts = scratch(spans), *const sum = scratch(1);
    verbs::each_row<T>(work.exec(), spans, span, detail::square_sum_row<T>{place.data, parts, place.size, span});
    spearstorm::detail::sum_over(work.exec(), 1, spans, 1, parts, sum, scratch);
    T host{};
    Exec::memory::copy_out(&host, sum, sizeof(T));
    total += static_cast<double>(host);
    work.values().rewind(mark);
  }
  return std::sqrt(total);
}

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
    std::size_t at = 0;
    for_each_parameter(model, [&](std::string const&, auto& p) {
      auto& s = slots_[at++];
      auto const* const g = gradients.of(p);
      if (!g) return;
      double const decay = decays(s.name, p.rank) ? options.weight_decay : 0;
      using T = value_type;
      verbs::transform<T>(
          work.exec(), p.size(), backend::move_span,
          detail::adamw_elements<T>{p.change_(), s.mean.data(), s.square.data(), g, T(scale), T(options.beta1), T(options.beta2),
                                    T(options.rate / bias1), T(1 / std::sqrt(bias2)), T(options.eps), T(1 - options.rate * decay)});
    });
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
