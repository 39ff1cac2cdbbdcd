#pragma once
// Where the gradients of parameters go: one place per parameter id.

#include <unordered_map>
#include <vector>

#include "spearstorm/runtime/parameter.hpp"

namespace SPEARSTORM_NS {

/// The first writer assigns, later ones add; `written` tells which it is. Places are consecutive in one flat range.
template <execution_policy Exec>
class gradient_table {
 public:
  using value_type = typename Exec::param_type;
  struct place {
    std::uint64_t id;
    value_type* data;
    index size;
    bool written;
  };

  place* find(std::uint64_t id) {
    auto const at = by_id_.find(id);
    return at == by_id_.end() ? nullptr : &places_[at->second];
  }
  /// The gradient of a parameter, null where the loss does not depend on it (or it is not in the table).
  template <axis_type... Axes>
  value_type const* of(parameter<Exec, Axes...> const& p) {
    auto const* const found = find(p.id());
    return found && found->written ? found->data : nullptr;
  }
  /// The same, copied to the host; zeros where the loss does not depend on the parameter.
  template <axis_type... Axes>
  array<value_type, Axes...> to_host(parameter<Exec, Axes...> const& p) {
    array<value_type, Axes...> host(p.extents());
    if (auto const* const data = of(p)) Exec::memory::copy_out(host.data(), data, host.values().size_bytes());
    return host;
  }
  std::vector<place> const& places() const { return places_; }
  std::vector<place>& places() { return places_; }

 protected:
  /// @throws value_error where the id is in the table already: a parameter has one owner
  void add(std::uint64_t id, value_type* data, index size) {
    if (!by_id_.emplace(id, places_.size()).second)
      fail<value_error>("gradient_table: a parameter is visited twice; one owner visits, borrowers hold a reference");
    places_.push_back({id, data, size, false});
  }

 private:
  std::vector<place> places_;
  std::unordered_map<std::uint64_t, std::size_t> by_id_;
};

}  // namespace SPEARSTORM_NS
