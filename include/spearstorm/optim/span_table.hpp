#pragma once
// Spans of many lengths as one range of chunks: all parameters of a model are one kernel, or one round of the team, however small they are.

#include <vector>

#include "spearstorm/backend/verbs.hpp"

namespace SPEARSTORM_NS::optim {

inline constexpr index span_chunk = 4096;  ///< numbers; a chunk is of one span, the last one of a span may be shorter

/// What every span of a table has; the pointers of a use follow in a derived type.
struct table_span {
  index size = 0, first_chunk = 0;
};

/// What programs read. Chunks count over all spans.
template <class Span>
struct span_view {
  Span const* spans;
  index count;

  /// The span that a chunk is of, by bisection: a table is small and stays in cache.
  SPEARSTORM_HD Span const& of(index chunk) const {
    index low = 0, high = count;
    while (high - low > 1) {
      index const middle = (low + high) / 2;
      if (spans[middle].first_chunk <= chunk)
        low = middle;
      else
        high = middle;
    }
    return spans[low];
  }
  /// Where a position of the padded range lies in its span: below the span's size, or behind its end.
  SPEARSTORM_HD static index offset(Span const& span, index position) { return position - span.first_chunk * span_chunk; }
};

/// Gathers spans on the host, then lays the table where the policy's programs can read it.
template <execution_policy Exec, class Span>
class span_table {
 public:
  void add(Span span) {
    if (span.size == 0) return;
    span.first_chunk = chunks_;
    chunks_ += (span.size + span_chunk - 1) / span_chunk;
    spans_.push_back(span);
  }
  index chunks() const { return chunks_; }

  /// One copy; it lasts until the caller rewinds `work.values()`.
  span_view<Span> upload(workspace<Exec>& work) const {
    auto const bytes = spans_.size() * sizeof(Span);
    auto* const to = static_cast<Span*>(work.values().allocate(bytes));
    if constexpr (verbs::counting<Exec>) ++work.exec().counts->uploads;
    Exec::memory::copy_in(to, spans_.data(), bytes);
    return {to, static_cast<index>(spans_.size())};
  }

 private:
  std::vector<Span> spans_;
  index chunks_ = 0;
};

}  // namespace SPEARSTORM_NS::optim
