#pragma once
// The exponential moving average of a model's weights: what is generated and evaluated with, while the model itself goes on training.

#include <cmath>

#include "spearstorm/backend/verbs.hpp"
#include "spearstorm/runtime/visit.hpp"

namespace SPEARSTORM_NS::optim {

/// Names and defaults of ema-pytorch. The packages' SoundStream trainer has beta 0.995, update_after_step 500.
struct ema_options {
  double beta = 0.9999;           ///< the decay that is reached in the end
  index update_after_step = 100;  ///< until then the average is a copy
  index update_every = 10;
  double inv_gamma = 1;  ///< the decay's warm-up is 1 - (1 + t / inv_gamma)^-power
  double power = 2.0 / 3;
  double min_value = 0;  ///< the least decay once the warm-up has begun
};

namespace detail {

template <class T>
struct ema_elements {
  T* average;
  T const* now;
  T share;  ///< of what is new
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    using pack = typename Lanes::pack;
    Lanes::each(count, [&](auto at) {
      pack const old = at.load(average + first);
      at.store(average + first, old + pack(share) * (at.load(now + first) - old));
    });
  }
};

template <class T>
struct exchange_elements {
  T *a, *b;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    using pack = typename Lanes::pack;
    Lanes::each(count, [&](auto at) {
      pack const kept = at.load(a + first);
      at.store(a + first, at.load(b + first));
      at.store(b + first, kept);
    });
  }
};

template <class T>
struct copy_elements {
  T* to;
  T const* from;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    Lanes::each(count, [&](auto at) { at.store(to + first, at.load(from + first)); });
  }
};

}  // namespace detail

/// @math average += (1 - decay) (weights - average),  decay = min(beta, max(min_value, 1 - (1 + t / inv_gamma)^-power)),  t steps after
///       update_after_step, and 0 at t = 0
/// @see  ema-pytorch: EMA
template <execution_policy Exec>
class ema {
 public:
  using value_type = typename Exec::param_type;
  using memory = typename Exec::memory;

  /// The average of one parameter.
  struct slot {
    std::string name;
    buffer<value_type, memory> values;
  };

  ema_options options;

  explicit ema(ema_options with = {}) : options(with) {
    check_range("ema", "beta", with.beta, 0.0, 1.0);
    check_range("ema", "min_value", with.min_value, 0.0, 1.0);
    check_range<index>("ema", "update_after_step", with.update_after_step, 0, index{1} << 40);
    check_range<index>("ema", "update_every", with.update_every, 1, index{1} << 40);
    if (!(with.inv_gamma > 0)) fail<value_error>("ema: inv_gamma = ", with.inv_gamma, ", expected above 0");
  }

  /// What is kept of the average in the update of step 0, 1, ...
  double decay_at(index step) const {
    double const t = static_cast<double>(step - options.update_after_step);
    if (t <= 0) return 0;
    return std::fmin(options.beta, std::fmax(options.min_value, 1 - std::pow(1 + t / options.inv_gamma, -options.power)));
  }

  /// After each step of the optimizer. The first call copies the weights.
  /// @throws shape_error where the model is another one
  template <class Model>
  void update_(workspace<Exec>& work, Model const& model) {
    index const step = steps_++;
    bool const first = slots_.empty();
    if (first) prepare(model);
    if (!first && step % options.update_every != 0) return;
    value_type const share = first ? value_type(1) : value_type(1 - decay_at(step));
    each_pair(model, [&](slot& s, auto const& p) {
      if (share == value_type(1))
        move_span(work, p.size(), detail::copy_elements<value_type>{s.values.data(), p.data()});
      else
        move_span(work, p.size(), detail::ema_elements<value_type>{s.values.data(), p.data(), share});
    });
  }

  /// Exchanges average and weights: what was trained is in the average until the next exchange. See with_ema.
  /// @throws value_error before the first update
  template <class Model>
  void exchange_(workspace<Exec>& work, Model& model) {
    require_started("exchange");
    each_pair(model,
              [&](slot& s, auto& p) { move_span(work, p.size(), detail::exchange_elements<value_type>{s.values.data(), p.change_()}); });
  }
  /// Writes the average into a model of the same parameters: a second one for generation.
  /// @throws value_error before the first update, shape_error where the model has other parameters
  template <class Model>
  void copy_to_(workspace<Exec>& work, Model& model) {
    require_started("copy_to");
    each_pair(model, [&](slot& s, auto& p) { move_span(work, p.size(), detail::copy_elements<value_type>{p.change_(), s.values.data()}); });
  }

  /// Updates asked for; with the slots all that a checkpoint restores.
  index steps() const { return steps_; }
  std::vector<slot>& slots() { return slots_; }
  std::vector<slot> const& slots() const { return slots_; }
  /// Makes slots, which the caller then fills.
  template <class Model>
  void restore_steps_(Model const& model, index steps) {
    slots_.clear();
    steps_ = steps;
    if (steps > 0) prepare(model);
  }

 private:
  void require_started(char const* function) const {
    if (slots_.empty()) fail<value_error>("ema: ", function, " after ", steps_, " updates, expected 1 or more");
  }
  template <class Elements>
  static void move_span(workspace<Exec>& work, index size, Elements const& elements) {
    verbs::transform<value_type>(work.exec(), size, backend::move_span, elements);
  }
  template <class Model>
  void prepare(Model const& model) {
    for_each_parameter(model,
                       [&](std::string const& name, auto const& p) { slots_.push_back({name, buffer<value_type, memory>(p.size())}); });
  }
  template <class Model, class F>
  void each_pair(Model& model, F const& f) {
    std::size_t at = 0;
    auto const check = [&](std::string const& name, auto const& p) {
      bool const known = at < slots_.size() && slots_[at].name == name && slots_[at].values.size() == p.size();
      if (!known)
        fail<shape_error>("ema: parameter ", at, " is ", name, " of ", p.size(), " numbers, the average has ",
                          at < slots_.size() ? message(slots_[at].name, " of ", slots_[at].values.size()) : std::string("no such one"));
      ++at;
    };
    for_each_parameter(model, check);
    if (at != slots_.size()) fail<shape_error>("ema: the model has ", at, " parameters, the average ", slots_.size());
    at = 0;
    for_each_parameter(model, [&](std::string const&, auto& p) { f(slots_[at++], p); });
  }

  std::vector<slot> slots_;
  index steps_ = 0;
};

/// The model has the averaged weights while this lives: `{ with_ema averaged(work, ema, model); evaluate(model); }`.
template <execution_policy Exec, class Model>
class with_ema {
 public:
  with_ema(workspace<Exec>& work, ema<Exec>& average, Model& model) : work_(work), average_(average), model_(model) {
    average.exchange_(work, model);
  }
  with_ema(with_ema const&) = delete;
  with_ema& operator=(with_ema const&) = delete;
  ~with_ema() { average_.exchange_(work_, model_); }

 private:
  workspace<Exec>& work_;
  ema<Exec>& average_;
  Model& model_;
};

}  // namespace SPEARSTORM_NS::optim
