#pragma once
// One epoch of a source of batches as a range: `for (auto const& b : source)`.

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS::train {

/// Walks over source.at(0), source.at(1), ...
template <class Source, class Batch>
class batch_iterator {
 public:
  using value_type = Batch;
  using difference_type = index;
  batch_iterator() = default;
  batch_iterator(Source const& of, index k) : of_(&of), k_(k) {}
  Batch operator*() const { return of_->at(k_); }
  batch_iterator& operator++() {
    ++k_;
    return *this;
  }
  batch_iterator operator++(int) { return batch_iterator(*of_, k_++); }
  friend bool operator==(batch_iterator const&, batch_iterator const&) = default;

 private:
  Source const* of_ = nullptr;
  index k_ = 0;
};

}  // namespace SPEARSTORM_NS::train
