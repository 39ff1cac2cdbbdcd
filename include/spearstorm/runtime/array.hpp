#pragma once
// Owning host arrays: what goes into a context (`upload`), what a user keeps of one (`download`), what files hold.

#include <algorithm>
#include <span>
#include <vector>

#include "spearstorm/core/axes.hpp"
#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS {

/// Contiguous, row-major, in host memory, copied by value.
/// @throws shape_error where a size contradicts its axis or the values given, value_error where a size is negative
template <class T, axis_type... Axes>
class array {
 public:
  using value_type = T;
  using axes_type = axis_list<Axes...>;
  static constexpr index rank = sizeof...(Axes);

  array() = default;
  explicit array(sizes<rank> extents, T value = T{})
      : extents_(checked(extents)), values_(static_cast<std::size_t>(product(extents)), value) {}
  array(sizes<rank> extents, std::vector<T> values) : extents_(checked(extents)), values_(std::move(values)) {
    if (size() != product(extents_))
      fail<shape_error>("array: ", size(), " values for ", to_string(axes_type{}, extents_), ", expected ", product(extents_));
  }

  index size() const { return static_cast<index>(values_.size()); }
  index extent(index axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  sizes<rank> const& extents() const { return extents_; }

  T* data() { return values_.data(); }
  T const* data() const { return values_.data(); }
  std::span<T> values() { return values_; }
  std::span<T const> values() const { return values_; }
  auto begin() { return values_.begin(); }
  auto end() { return values_.end(); }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

  /// Element by position along each axis; positions are checked.
  template <std::convertible_to<index>... At>
    requires(sizeof...(At) == rank)
  T& operator()(At... at) {
    return values_[offset({static_cast<index>(at)...})];
  }
  template <std::convertible_to<index>... At>
    requires(sizeof...(At) == rank)
  T const& operator()(At... at) const {
    return values_[offset({static_cast<index>(at)...})];
  }

  friend bool operator==(array const&, array const&) = default;

 private:
  static sizes<rank> checked(sizes<rank> const& extents) {
    std::size_t at = 0;
    [[maybe_unused]] auto const check = [&](std::string_view name, index fixed) {
      index const size = extents[at++];
      if (size < 0) fail<value_error>("array: ", name, " = ", size, ", expected 0 or more");
      if (fixed != dynamic && size != fixed) fail<shape_error>("array: ", name, " = ", size, ", its type says ", fixed);
    };
    (check(Axes::name, Axes::extent), ...);
    return extents;
  }
  std::size_t offset(sizes<rank> const& at) const {
    index flat = 0;
    for (std::size_t i = 0; i < at.size(); ++i) {
      if (at[i] < 0 || at[i] >= extents_[i])
        fail<shape_error>("array: position ", at[i], " on axis ", i, " of ", to_string(axes_type{}, extents_));
      flat = flat * extents_[i] + at[i];
    }
    return static_cast<std::size_t>(flat);
  }

  sizes<rank> extents_{};
  std::vector<T> values_ = std::vector<T>(rank == 0 ? 1 : 0);
};

}  // namespace SPEARSTORM_NS
