#pragma once
// All gradients of a model in one flat range, in visit order, owned by the user: for accumulation and all-reduce.

#include "spearstorm/backend/verbs.hpp"
#include "spearstorm/runtime/visit.hpp"
#include "spearstorm/tape/gradient_table.hpp"

namespace SPEARSTORM_NS::optim {

/// `ctx.gradients(loss, slab)` adds to what is there; `clear_()` begins anew. Parameters outside the model get no gradient.
template <execution_policy Exec>
class gradient_slab : public gradient_table<Exec> {
 public:
  using typename gradient_table<Exec>::value_type;

  /// @throws value_error where two parts visit the same parameter
  template <class Model>
  explicit gradient_slab(Model const& model) : values_(parameter_count(model)) {
    value_type* at = values_.data();
    for_each_parameter(model, [&](std::string const&, auto const& p) {
      this->add(p.id(), at, p.size());
      at += p.size();
    });
  }
  void clear_() {
    for (auto& place : this->places()) place.written = false;
  }
  /// Zeros where no gradient was written since `clear_`: before the whole range is summed over ranks. Such a place stays unwritten, so all
  /// ranks must compute losses of the same parameters.
  void zero_unwritten_(Exec& exec) {
    for (auto const& place : this->places())
      if (!place.written) verbs::fill(exec, place.data, place.size, value_type{0});
  }
  value_type* data() { return values_.data(); }
  index size() const { return values_.size(); }

 private:
  buffer<value_type, typename Exec::memory> values_;
};

}  // namespace SPEARSTORM_NS::optim
