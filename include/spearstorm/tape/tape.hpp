#pragma once
// The tape: a list of entries, one per stored op or fused expression, in the order in which they ran.

#include <type_traits>
#include <unordered_map>
#include <vector>

#include "spearstorm/runtime/workspace.hpp"

namespace SPEARSTORM_NS {

template <execution_policy Exec>
class sweep;

/// How an entry hands a gradient back: it asks the sweep for a place per input and writes there.
template <class Exec>
struct tape_entry {
  char const* op;
  void (*pull)(void const* closure, sweep<Exec>& back, typename Exec::value_type const* seed);
  void const* closure;
  std::uint32_t node;
};

/// Nodes number the values that gradients flow to; node 0 is none of them.
template <execution_policy Exec>
class tape {
 public:
  struct parameter_node {
    std::uint64_t id;
    std::uint32_t node;
  };

  std::uint32_t new_node(index size) {
    sizes_.push_back(size);
    return static_cast<std::uint32_t>(sizes_.size() - 1);
  }
  std::uint32_t node_of_parameter(std::uint64_t id, index size) {
    auto const [at, is_new] = by_parameter_.try_emplace(id, 0);
    if (is_new) {
      at->second = new_node(size);
      parameters_.push_back({id, at->second});
    }
    return at->second;
  }
  void push(tape_entry<Exec> const& entry) { entries_.push_back(entry); }

  std::vector<tape_entry<Exec>> const& entries() const { return entries_; }
  std::vector<parameter_node> const& parameters() const { return parameters_; }
  std::size_t nodes() const { return sizes_.size(); }
  index size_of(std::uint32_t node) const { return sizes_[node]; }

 private:
  std::vector<tape_entry<Exec>> entries_;
  std::vector<index> sizes_{0};
  std::vector<parameter_node> parameters_;
  std::unordered_map<std::uint64_t, std::uint32_t> by_parameter_;
};

}  // namespace SPEARSTORM_NS
