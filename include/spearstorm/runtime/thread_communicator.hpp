#pragma once
// Ranks as threads of one process: for tests, and for one machine without MPI.

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "spearstorm/runtime/communicator.hpp"

namespace SPEARSTORM_NS {

/// Where the ranks meet. The last one that comes does the work for all, in rank order.
class thread_group {
 public:
  explicit thread_group(index ranks) {
    check_range<index>("thread_group", "ranks", ranks, 1, 1 << 16);
    calls_.resize(static_cast<std::size_t>(ranks));
    places_.resize(calls_.size());
    joined_.resize(calls_.size());
  }
  index size() const { return static_cast<index>(calls_.size()); }

 private:
  friend class thread_communicator;
  template <class F>
  friend void run_ranks(index ranks, F const& f);

  /// Where a rank's values are, and where it wants those of all.
  struct place {
    std::byte* values = nullptr;
    std::byte const* own = nullptr;
    std::vector<std::byte>* all = nullptr;
    std::vector<index>* counts = nullptr;
  };

  void join(index rank) {
    check_range<index>("thread_communicator", "rank", rank, 0, size() - 1);
    std::lock_guard const lock(mutex_);
    flag& taken = joined_[static_cast<std::size_t>(rank)];
    if (taken) fail<value_error>("thread_communicator: rank = ", rank, " is taken, expected one that is free");
    taken = 1;
  }
  void leave(index rank) {
    std::lock_guard const lock(mutex_);
    if (left_ < 0) left_ = rank;
    changed_.notify_all();
  }
  /// Returns, or throws, on all ranks alike when each has come.
  void meet(index rank, detail::collective_call const& call, place const& at) {
    std::unique_lock lock(mutex_);
    auto const ended = [&] {
      fail<communicator_error>(detail::name_of(call.kind), ": rank ", left_, " has ended, expected a call of every rank");
    };
    if (left_ >= 0) ended();
    calls_[static_cast<std::size_t>(rank)] = call;
    places_[static_cast<std::size_t>(rank)] = at;
    auto const round = round_;
    if (++arrived_ == size()) {
      arrived_ = 0;
      failure_ = nullptr;
      try {
        detail::check_calls(calls_);
        perform();
      } catch (...) {
        failure_ = std::current_exception();
      }
      ++round_;
      changed_.notify_all();
    } else {
      changed_.wait(lock, [&] { return round_ != round || left_ >= 0; });
      if (round_ == round) ended();
    }
    if (failure_) std::rethrow_exception(failure_);  // stays until every rank has come again
  }
  void perform() {
    using enum detail::collective;
    auto const& call = calls_.front();
    auto const bytes = static_cast<std::size_t>(call.bytes);
    if (call.kind == sum_float) return sum<float>(bytes / sizeof(float));
    if (call.kind == sum_double) return sum<double>(bytes / sizeof(double));
    if (call.kind == broadcast) {
      auto const* const from = places_[static_cast<std::size_t>(call.root)].values;
      for (auto const& p : places_)
        if (p.values != from && bytes > 0) std::memcpy(p.values, from, bytes);
      return;
    }
    for (auto const& p : places_) {
      p.all->clear();
      p.counts->clear();
      for (std::size_t r = 0; r < calls_.size(); ++r) {
        p.counts->push_back(static_cast<index>(calls_[r].bytes));
        p.all->insert(p.all->end(), places_[r].own, places_[r].own + calls_[r].bytes);
      }
    }
  }
  template <class T>
  void sum(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      T total = reinterpret_cast<T const*>(places_.front().values)[i];
      for (std::size_t r = 1; r < places_.size(); ++r) total += reinterpret_cast<T const*>(places_[r].values)[i];
      for (auto const& p : places_) reinterpret_cast<T*>(p.values)[i] = total;
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<detail::collective_call> calls_;
  std::vector<place> places_;
  std::vector<flag> joined_;
  std::exception_ptr failure_;
  std::uint64_t round_ = 0;
  index arrived_ = 0, left_ = -1;
};

/// One rank's end; lives in that rank's thread. Where it ends, calls that wait for it throw.
class thread_communicator final : public communicator {
 public:
  /// @throws value_error where the group has no such rank, or it is taken
  thread_communicator(thread_group& group, index rank) : group_(&group), rank_(rank) { group.join(rank); }
  ~thread_communicator() override { group_->leave(rank_); }

  index rank() const override { return rank_; }
  index size() const override { return group_->size(); }

 private:
  void sum(std::span<float> values) const override { add(values, detail::collective::sum_float); }
  void sum(std::span<double> values) const override { add(values, detail::collective::sum_double); }
  template <class T>
  void add(std::span<T> values, detail::collective kind) const {
    meet(kind, values.size_bytes(), 0, {.values = std::as_writable_bytes(values).data()});
  }
  std::vector<std::byte> gather(std::span<std::byte const> own, std::vector<index>& counts) const override {
    std::vector<std::byte> all;
    meet(detail::collective::all_gather, own.size(), 0, {.own = own.data(), .all = &all, .counts = &counts});
    return all;
  }
  void send(std::span<std::byte> values, index root) const override {
    meet(detail::collective::broadcast, values.size(), root, {.values = values.data()});
  }
  void meet(detail::collective kind, std::size_t bytes, index root, thread_group::place const& at) const {
    group_->meet(rank_, {kind, static_cast<std::int64_t>(bytes), root}, at);
  }

  thread_group* group_;
  index rank_;
};

/// Calls f(communicator const&) on so many ranks, each in a thread of its own, and returns when all have ended.
/// @throws what a rank threw first; the others meet communicator_error where they wait for it
template <class F>
void run_ranks(index ranks, F const& f) {
  thread_group group(ranks);
  std::mutex mutex;
  std::exception_ptr first;
  {
    std::vector<std::jthread> threads;
    auto const run = [&](index rank) {
      thread_communicator const own(group, rank);
      try {
        f(static_cast<communicator const&>(own));
      } catch (...) {
        std::lock_guard const lock(mutex);
        if (!first) first = std::current_exception();
      }
    };
    for (index rank = 0; rank < ranks; ++rank) try {
        threads.emplace_back(run, rank);
      } catch (...) {  // no thread to be had: those that run do not wait for it
        group.leave(rank);
        throw;
      }
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace SPEARSTORM_NS
