#pragma once
// Spans of many lengths as one range of chunks: all parameters of a model are one kernel, or one round of the team, however small they are.

#include <algorithm>
#include <vector>

#include "spearstorm/backend/verbs.hpp"
#include "spearstorm/runtime/buffer.hpp"

namespace SPEARSTORM_NS::optim {

inline constexpr index span_chunk = 4096;  ///< numbers; a chunk is of one span, the last one of a span may be shorter

/// What every span of a table has; the pointers of a use follow in a derived type, which compares them too.
struct table_span {
  index size = 0, first_chunk = 0;
  friend bool operator==(table_span const&, table_span const&) = default;
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

/// Gathers spans on the host, then lays the table where the policy's programs can read it. Who steps often keeps the object: what lies there
/// already is not copied again.
template <execution_policy Exec, class Span>
class span_table {
 public:
  void clear() {
    spans_.clear();
    chunks_ = 0;
  }
  void add(Span span) {
    if (span.size == 0) return;
    span.first_chunk = chunks_;
    chunks_ += (span.size + span_chunk - 1) / span_chunk;
    spans_.push_back(span);
  }
  index chunks() const { return chunks_; }

  /// One copy where no kept table has the same spans. The view lasts until the next upload.
  span_view<Span> upload(workspace<Exec>& work) {
    if (spans_.empty()) return {nullptr, 0};
    auto found = std::find_if(kept_.begin(), kept_.end(), [&](kept const& k) { return k.spans == spans_; });
    if (found == kept_.end()) {
      if (kept_.size() < most_kept) kept_.emplace_back();
      found = kept_.end() - 1;  // a new one, or the one that was asked for longest ago
      if (found->there.size() < count()) found->there = buffer<Span, memory>(count());
      if constexpr (verbs::counting<Exec>) ++work.exec().counts->uploads;
      memory::copy_in(found->there.data(), spans_.data(), spans_.size() * sizeof(Span));
      found->spans = spans_;
    }
    std::rotate(kept_.begin(), found, found + 1);
    return {kept_.front().there.data(), count()};
  }

 private:
  using memory = typename Exec::memory;
  struct kept {
    std::vector<Span> spans;
    buffer<Span, memory> there;
  };
  /// Which parameters a loss depends on may change from step to step, as with a self-condition that is drawn: such tables are few.
  static constexpr std::size_t most_kept = 4;

  index count() const { return static_cast<index>(spans_.size()); }

  std::vector<Span> spans_;
  index chunks_ = 0;
  std::vector<kept> kept_;  // asked for last first
};

}  // namespace SPEARSTORM_NS::optim
