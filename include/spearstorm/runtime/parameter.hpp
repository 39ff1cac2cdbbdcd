#pragma once
// What training changes: an own buffer, a stable id, a version that rises with every change.

#include <memory>

#include "spearstorm/core/unique.hpp"
#include "spearstorm/runtime/array.hpp"
#include "spearstorm/runtime/buffer.hpp"
#include "spearstorm/runtime/workspace.hpp"
#include "spearstorm/runtime/write_each.hpp"

namespace SPEARSTORM_NS {

/// How a parameter starts. The scale is the bound of a uniform, the deviation of a normal, or the constant.
struct initialiser {
  enum class kind { constant, uniform, normal } draw = kind::constant;
  double scale = 0;

  static initialiser zeros() { return {}; }
  static initialiser ones() { return {kind::constant, 1}; }
  static initialiser uniform(double bound) { return {kind::uniform, bound}; }
  static initialiser normal(double deviation) { return {kind::normal, deviation}; }
};

/// Changed only by optimizers, file readers and initialisers: their names end in `_`.
template <execution_policy Exec, axis_type... Axes>
class parameter {
 public:
  using exec_type = Exec;
  using value_type = typename Exec::param_type;
  using memory = typename Exec::memory;
  using axes_type = axis_list<Axes...>;
  using array_type = array<value_type, Axes...>;
  static constexpr index rank = sizeof...(Axes);

  parameter(workspace<Exec>& work, sizes<rank> extents, initialiser start)
      : extents_(extents), values_(product(extents)), id_(detail::next_parameter_id()) {
    random_stream const draws = work.next_initialiser();
    if constexpr (requires { typename Exec::bodiless; }) return;  // a dry run: memory that is never touched costs nothing
    write_each<memory>(change_(), size(), [&](index i) {
      auto const at = static_cast<std::uint32_t>(i);
      double const x = start.draw == initialiser::kind::uniform  ? 2.0 * draws.uniform(0, at) - 1.0
                       : start.draw == initialiser::kind::normal ? draws.normal(0, at)
                                                                 : 1.0;
      return static_cast<value_type>(x * start.scale);
    });
  }
  parameter(parameter&&) = default;
  parameter& operator=(parameter&&) = default;

  std::uint64_t id() const { return id_; }
  std::uint64_t version() const { return version_; }
  sizes<rank> const& extents() const { return extents_; }
  index extent(index axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  index size() const { return values_.size(); }
  value_type const* data() const { return values_.data(); }
  /// Expires with the parameter: for who keeps something of its memory.
  std::weak_ptr<void const> life() const { return life_; }

  /// Whether gradients are taken: a frozen parameter is a constant to every context, so no optimizer moves or decays it.
  bool trainable() const { return trainable_; }
  void set_trainable_(bool trainable) { trainable_ = trainable; }

  /// Write access for optimizers, readers and initialisers; counts as one change.
  value_type* change_() {
    ++version_;
    return values_.data();
  }
  /// @throws shape_error where the number of values differs
  void assign_(std::span<value_type const> from) {
    if (static_cast<index>(from.size()) != size())
      fail<shape_error>("parameter: ", from.size(), " values for ", to_string(axes_type{}, extents_), ", expected ", size());
    memory::copy_in(change_(), from.data(), from.size_bytes());
  }
  array_type to_host() const {
    array_type host(extents_);
    memory::copy_out(host.data(), data(), host.values().size_bytes());
    return host;
  }

 private:
  sizes<rank> extents_;
  buffer<value_type, memory> values_;
  std::uint64_t id_;
  std::uint64_t version_ = 0;
  std::shared_ptr<void const> life_ = std::make_shared<char>();
  bool trainable_ = true;
};

template <class X>
inline constexpr bool is_parameter = false;
template <class Exec, class... Axes>
inline constexpr bool is_parameter<parameter<Exec, Axes...>> = true;
template <class X>
concept parameter_like = is_parameter<std::remove_cvref_t<X>>;

}  // namespace SPEARSTORM_NS
