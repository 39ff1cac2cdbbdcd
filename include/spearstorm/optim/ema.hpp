#pragma once
// The exponential moving average of a model's weights: what is generated and evaluated with, while the model itself goes on training.

#include <cmath>

#include "spearstorm/optim/span_table.hpp"
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

/// A parameter and its average; Weight is const where the parameter is only read.
template <class T, class Weight>
struct ema_span : table_span {
  T* average;
  Weight* weights;
  friend bool operator==(ema_span const&, ema_span const&) = default;
};

/// step(at, average, weights) for the numbers of all spans.
template <class Step, class Span>
struct ema_elements {
  span_view<Span> table;
  Step step;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index position, index positions) const {
    auto const& span = table.of(position / span_chunk);
    index const first = table.offset(span, position), left = span.size - first;
    if (left <= 0) return;  // behind the end of its span
    Lanes::each(positions < left ? positions : left, [&](auto at) { step(at, span.average + first, span.weights + first); });
  }
};

template <class T>
struct move_average {
  T share;  ///< of what is new
  SPEARSTORM_HD void operator()(auto at, T* average, T const* weights) const {
    auto const old = at.load(average);
    at.store(average, old + decltype(at.load(average))(share) * (at.load(weights) - old));
  }
};

template <class T>
struct copy_weights {
  SPEARSTORM_HD void operator()(auto at, T* average, T const* weights) const { at.store(average, at.load(weights)); }
};

template <class T>
struct copy_average {
  SPEARSTORM_HD void operator()(auto at, T const* average, T* weights) const { at.store(weights, at.load(average)); }
};

template <class T>
struct exchange_weights {
  SPEARSTORM_HD void operator()(auto at, T* average, T* weights) const {
    auto const kept = at.load(average);
    at.store(average, at.load(weights));
    at.store(weights, kept);
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
    if (share == value_type(1))
      each_pair(work, model, read_, detail::copy_weights<value_type>{});
    else
      each_pair(work, model, read_, detail::move_average<value_type>{share});
  }

  /// Exchanges average and weights: what was trained is in the average until the next exchange. See with_ema.
  /// @throws value_error before the first update
  template <class Model>
  void exchange_(workspace<Exec>& work, Model& model) {
    require_started("exchange");
    each_pair(work, model, written_, detail::exchange_weights<value_type>{});
  }
  /// Writes the average into a model of the same parameters: a second one for generation.
  /// @throws value_error before the first update, shape_error where the model has other parameters
  template <class Model>
  void copy_to_(workspace<Exec>& work, Model& model) {
    require_started("copy_to");
    each_pair(work, model, written_, detail::copy_average<value_type>{});
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
  template <class Weight>
  using table = span_table<Exec, detail::ema_span<value_type, Weight>>;

  void require_started(char const* function) const {
    if (slots_.empty()) fail<value_error>("ema: ", function, " after ", steps_, " updates, expected 1 or more");
  }
  template <class Model>
  void prepare(Model const& model) {
    for_each_parameter(model,
                       [&](std::string const& name, auto const& p) { slots_.push_back({name, buffer<value_type, memory>(p.size())}); });
  }
  /// One program over all parameters.
  template <class Model, class Weight, class Step>
  void each_pair(workspace<Exec>& work, Model& model, table<Weight>& spans, Step const& step) {
    check_parameters(model);
    spans.clear();
    std::size_t at = 0;
    for_each_parameter(model, [&](std::string const&, auto& p) {
      value_type* const average = slots_[at++].values.data();
      if constexpr (std::is_const_v<Weight>)
        spans.add({{p.size()}, average, p.data()});
      else
        spans.add({{p.size()}, average, p.change_()});
    });
    using span = detail::ema_span<value_type, Weight>;
    verbs::transform<value_type>(work.exec(), spans.chunks() * span_chunk, span_chunk,
                                 detail::ema_elements<Step, span>{spans.upload(work), step});
  }
  void check_parameters(auto const& model) const {
    std::size_t at = 0;
    for_each_parameter(model, [&](std::string const& name, auto const& p) {
      bool const known = at < slots_.size() && slots_[at].name == name && slots_[at].values.size() == p.size();
      if (!known)
        fail<shape_error>("ema: parameter ", at, " is ", name, " of ", p.size(), " numbers, the average has ",
                          at < slots_.size() ? message(slots_[at].name, " of ", slots_[at].values.size()) : std::string("no such one"));
      ++at;
    });
    if (at != slots_.size()) fail<shape_error>("ema: the model has ", at, " parameters, the average ", slots_.size());
  }

  std::vector<slot> slots_;
  index steps_ = 0;
  table<value_type const> read_;
  table<value_type> written_;
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
