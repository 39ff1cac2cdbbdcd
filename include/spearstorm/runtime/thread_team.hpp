#pragma once
// A fixed team of threads that works through numbered tasks. Which thread takes a task is open; what a task computes
// depends on its number alone, so results are the same for any number of threads.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS {

class thread_team {
 public:
  /// @param threads including the caller's; 0 takes one per processor
  explicit thread_team(index threads = 0) {
    if (threads < 0) fail<value_error>("thread_team: threads = ", threads, ", expected 0 or more");
    if (threads == 0) threads = std::max<index>(1, static_cast<index>(std::thread::hardware_concurrency()));
    try {
      for (index i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
    } catch (...) {
      stop();
      throw;
    }
  }
  thread_team(thread_team const&) = delete;
  thread_team& operator=(thread_team const&) = delete;
  ~thread_team() { stop(); }

  index size() const { return static_cast<index>(workers_.size()) + 1; }

  /// Calls f(0) ... f(tasks - 1), each once, and returns when all are done; rethrows the first exception it saw.
  /// A call from within a task runs on the spot.
  template <class F>
  void run(index tasks, F const& f) {
    if (tasks <= 1 || workers_.empty() || busy_) {
      for (index i = 0; i < tasks; ++i) f(i);
      return;
    }
    busy_ = true;
    call_ = [](void const* body, index task) { (*static_cast<F const*>(body))(task); };
    body_ = &f;
    tasks_ = tasks;
    next_.store(0, std::memory_order_relaxed);
    open_.store(true);
    {
      std::lock_guard lock(mutex_);
      round_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    take_tasks();
    open_.store(false);  // who comes from here on finds nothing to do: a worker that sleeps on a busy machine is not waited for
    for (int spin = 0; inside_.load() != 0; ++spin)
      if (spin > spins) std::this_thread::yield();
    busy_ = false;
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  static constexpr int spins = 4000;  // some tens of microseconds: the gap between two small kernels

  void take_tasks() {
    for (index task; (task = next_.fetch_add(1, std::memory_order_relaxed)) < tasks_;) {
      try {
        call_(body_, task);
      } catch (...) {
        std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
        next_.store(tasks_, std::memory_order_relaxed);
      }
    }
  }
  void work() {
    for (std::uint64_t seen = 0;;) {
      for (int spin = 0; spin < spins && round_.load(std::memory_order_acquire) == seen; ++spin) {}
      if (round_.load(std::memory_order_acquire) == seen) {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return round_.load(std::memory_order_acquire) != seen; });
      }
      seen = round_.load(std::memory_order_acquire);
      if (stopping_.load(std::memory_order_acquire)) return;
      inside_.fetch_add(1);  // sequentially consistent: either this thread sees the round closed, or run() sees it inside
      if (open_.load()) take_tasks();
      inside_.fetch_sub(1);
    }
  }
  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_.store(true, std::memory_order_release);
      round_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<std::uint64_t> round_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> busy_{false}, open_{false};
  std::atomic<index> next_{0}, inside_{0};
  void (*call_)(void const*, index) = nullptr;
  void const* body_ = nullptr;
  index tasks_ = 0;
  std::exception_ptr failure_;
};

}  // namespace SPEARSTORM_NS
