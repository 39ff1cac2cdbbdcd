#pragma once
// Batches of sequence pairs. Batch number k is a pure function of (options, k): who resumes needs the step number and nothing else.

#include <optional>

#include "spearstorm/train/batch_iterator.hpp"
#include "spearstorm/train/epoch_order.hpp"
#include "spearstorm/train/pair_rows.hpp"

namespace SPEARSTORM_NS::train {

struct pair_batch_options {
  index batch = 8;       ///< rows, over all ranks
  index max_source = 0;  ///< longer rows are left out: a part of a sentence is not said by a part of its speech; 0: none is
  index max_target = 0;  ///< as max_source
  std::uint64_t seed = 0;
  bool shuffle = true;       ///< a new order in each epoch
  bool drop_last = false;    ///< leave out what does not fill a batch; other rows in each epoch where they are shuffled
  index window = 16;         ///< rows of similar length are put together within this many batches; 1: never
  index rank = 0, size = 1;  ///< this process takes part `rank` of `size` of each batch's rows
};

struct numbered_pair_batch {
  token::pair_batch batch;  ///< (rows, frames), -1 behind each row's last id
  index number = 0;         ///< k
  index epoch = 0;
  index first_example = 0;    ///< global index of the first row; rows follow each other, so draws do not depend on `size`
  index tokens = 0;           ///< ids of source and target, padding not counted
  std::vector<index> rows{};  ///< which rows of the source these are
};

/// Its `at` is what a trainer asks of a source of batches.
/// @throws value_error where an option lies outside its range, an id is below 0, or there are too few rows for one batch
template <row_source Rows>
class pair_batches {
 public:
  explicit pair_batches(Rows rows, pair_batch_options options = {}) : rows_(std::move(rows)), options_(options) {
    check_range<index>("pair_batches", "batch", options_.batch, 1, 1 << 30);
    check_range<index>("pair_batches", "max_source", options_.max_source, 0, 1 << 30);
    check_range<index>("pair_batches", "max_target", options_.max_target, 0, 1 << 30);
    check_range<index>("pair_batches", "window", options_.window, 1, 1 << 30);
    check_range<index>("pair_batches", "size", options_.size, 1, options_.batch);
    check_range<index>("pair_batches", "rank", options_.rank, 0, options_.size - 1);
    order_options_ = {.batch = options_.batch,
                      .seed = options_.seed,
                      .shuffle = options_.shuffle,
                      .drop_last = options_.drop_last,
                      .window = options_.window};
    auto const fits = [](auto const& row, index most) { return most == 0 || static_cast<index>(row.size()) <= most; };
    for (index i = 0; i < rows_.size(); ++i)
      if (fits(source(i), options_.max_source) && fits(target(i), options_.max_target)) kept_.push_back(i);
    auto const n = static_cast<index>(kept_.size()), rest = n % options_.batch;
    if (per_epoch() < 1) fail<value_error>("pair_batches: ", n, " rows make no batch of ", options_.batch);
    if (!options_.drop_last && rest > 0 && rest < options_.size)
      fail<value_error>("pair_batches: the last batch has ", rest, " rows for ", options_.size, " ranks; set drop_last");
  }

  Rows const& rows() const { return rows_; }
  pair_batch_options const& options() const { return options_; }
  index per_epoch() const { return batches_of(static_cast<index>(kept_.size()), order_options_); }
  /// How many rows are longer than max_source or max_target.
  index left_out() const { return static_cast<index>(rows_.size()) - static_cast<index>(kept_.size()); }

  /// Batch k, 0 or more, over as many epochs as k needs. The order of the last epoch asked for is kept: an object serves one thread.
  numbered_pair_batch at(index k) const {
    if (k < 0) fail<value_error>("pair_batches: batch ", k, ", expected 0 or more");
    index const epoch = k / per_epoch();
    if (!order_ || order_epoch_ != epoch) {
      order_ = epoch_order(static_cast<index>(kept_.size()), epoch, order_options_, [this](index i) {
        index const row = kept_[static_cast<std::size_t>(i)];
        return std::pair(target(row).size(), source(row).size());
      });
      order_epoch_ = epoch;
    }
    auto const& all = (*order_)[static_cast<std::size_t>(k % per_epoch())];
    auto const n = static_cast<index>(all.size());
    index const first = n * options_.rank / options_.size, last = n * (options_.rank + 1) / options_.size;
    numbered_pair_batch made{.batch = {}, .number = k, .epoch = epoch, .first_example = k * options_.batch + first};
    std::vector<token::sequence> sources, targets;
    for (index i = first; i < last; ++i) {
      index const row = kept_[static_cast<std::size_t>(all[static_cast<std::size_t>(i)])];
      auto const from = source(row), to = target(row);
      sources.emplace_back(from.begin(), from.end());
      targets.emplace_back(to.begin(), to.end());
      made.tokens += static_cast<index>(from.size() + to.size());
      made.rows.push_back(row);
    }
    made.batch = {token::pad_rows(sources), token::pad_rows(targets)};
    return made;
  }

  /// The first epoch: `for (auto const& b : source)`.
  using iterator = batch_iterator<pair_batches, numbered_pair_batch>;
  iterator begin() const { return {*this, 0}; }
  iterator end() const { return {*this, per_epoch()}; }

 private:
  std::span<std::int32_t const> source(index row) const { return rows_.source(row); }
  std::span<std::int32_t const> target(index row) const { return rows_.target(row); }

  Rows rows_;
  pair_batch_options options_;
  order_options order_options_;
  std::vector<index> kept_;  ///< rows that are not too long
  mutable std::optional<std::vector<std::vector<index>>> order_;
  mutable index order_epoch_ = 0;
};

}  // namespace SPEARSTORM_NS::train
