#pragma once
// The way back: entries in reverse order, a loop and no recursion. Gradients of activations come from a free list, are
// released when their entry has run, and the first writer assigns.

#include "spearstorm/backend/verbs.hpp"
#include "spearstorm/tape/finite.hpp"
#include "spearstorm/tape/free_list.hpp"
#include "spearstorm/tape/gradient_table.hpp"
#include "spearstorm/tape/tape.hpp"

namespace SPEARSTORM_NS {

namespace detail {
template <class T>
struct add_elements {
  T const* from;
  T* to;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    Lanes::each(count, [&](auto at) { at.store(to + first, at.load(to + first) + at.load(from + first)); });
  }
};
}  // namespace detail

/// What an adjoint sees: the policy, a place for each wanted gradient, scratch memory.
template <execution_policy Exec>
class sweep {
 public:
  using exec_type = Exec;
  using value_type = typename Exec::value_type;

  sweep(workspace<Exec>& work, tape<Exec> const& on, gradient_table<Exec>& parameters)
      : work_(&work), tape_(&on), parameters_(&parameters), gradient_(on.nodes(), nullptr), place_(on.nodes(), nullptr) {
    for (auto const& p : on.parameters()) {
      place_[p.node] = parameters.find(p.id);
      if (place_[p.node] == nullptr) frozen_.push_back(p.node);  // not in the table: no gradient is asked for
    }
  }

  Exec& exec() { return work_->exec(); }
  workspace<Exec>& work() { return *work_; }
  gradient_table<Exec>& parameters() { return *parameters_; }

  /// Which nodes the entry's inputs are; called by the entry before anything else.
  void begin(std::uint32_t const* nodes, index count) {
    inputs_.assign(nodes, nodes + count);
    given_.assign(static_cast<std::size_t>(count), nullptr);
  }
  bool wants(index input) const {
    std::uint32_t const node = inputs_[static_cast<std::size_t>(input)];
    return node != 0 && std::find(frozen_.begin(), frozen_.end(), node) == frozen_.end();
  }
  /// Where the gradient of an input is to be written (every element of it), null where nobody wants it.
  value_type* result(index input, index size) {
    if (!wants(input)) return nullptr;
    auto const at = static_cast<std::size_t>(input);
    auto* const place = place_[inputs_[at]];
    value_type* to = nullptr;
    if (place && !place->written && std::find(given_.begin(), given_.end(), place->data) == given_.end())
      to = place->data;
    else
      to = take<value_type>(size);
    return given_[at] = to;
  }
  /// Memory until the end of this entry.
  template <class T>
  T* scratch(index size) {
    T* const at = take<T>(size);
    scratch_.push_back({at, bytes_of<T>(size)});
    return at;
  }

  /// Runs all entries; `seed` is the gradient of `from`, read only.
  void run(std::uint32_t from, value_type const* seed, index size) {
    begin(&from, 1);  // the seed arrives as if an entry had made it: `from` may be a parameter
    if (value_type* const to = result(0, size)) verbs::copy_rows(exec(), 1, size, seed, size, to, size);
    settle();
    auto const& entries = tape_->entries();
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
      value_type* const upstream = gradient_[entry->node];
      if (!upstream) continue;
      entry->pull(entry->closure, *this, upstream);
      if (work_->anomaly()) check(entry->op);
      settle();
      release(upstream, bytes_of<value_type>(tape_->size_of(entry->node)));
      gradient_[entry->node] = nullptr;
    }
  }
  /// The gradient that reached a node without an entry (a leaf); null where none did.
  value_type* reached(std::uint32_t node) const { return gradient_[node]; }

 private:
  template <class T>
  static std::size_t bytes_of(index size) {
    return aligned(std::max<std::size_t>(1, static_cast<std::size_t>(size) * sizeof(T)));
  }

  template <class T>
  T* take(index size) {
    std::size_t const bytes = bytes_of<T>(size);
    void* const at = free_.take(bytes);
    return static_cast<T*>(at ? at : work_->values().allocate(bytes));
  }
  void release(void* at, std::size_t bytes) { free_.give(at, bytes); }

  void settle() {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      value_type* const made = given_[i];
      if (!made) continue;
      std::uint32_t const node = inputs_[i];
      index const size = tape_->size_of(node);
      auto* const place = place_[node];
      value_type*& held = place ? place->data : gradient_[node];
      bool const first = place ? !place->written : held == nullptr;
      if (first && place && made != held) verbs::copy_rows(exec(), 1, size, made, size, held, size);
      if (first && !place) held = made;
      if (!first) verbs::transform<value_type>(exec(), size, backend::move_span, detail::add_elements<value_type>{made, held});
      if (place) place->written = true;
      if (made != held) release(made, bytes_of<value_type>(size));
    }
    for (auto const& [at, bytes] : scratch_) release(at, bytes);
    scratch_.clear();
  }
  void check(char const* op) const {
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      if (given_[i]) detail::check_finite<Exec>("the gradient of ", op, given_[i], tape_->size_of(inputs_[i]));
  }

  workspace<Exec>* work_;
  tape<Exec> const* tape_;
  gradient_table<Exec>* parameters_;
  std::vector<value_type*> gradient_;                         // by node
  std::vector<typename gradient_table<Exec>::place*> place_;  // by node, for parameters
  std::vector<std::uint32_t> frozen_;
  std::vector<std::uint32_t> inputs_;
  std::vector<value_type*> given_;
  std::vector<std::pair<void*, std::size_t>> scratch_;
  detail::free_list free_;
};

}  // namespace SPEARSTORM_NS
