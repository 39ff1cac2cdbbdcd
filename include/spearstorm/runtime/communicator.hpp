#pragma once
// What data parallel ranks say to each other: sums, blocks of any size, broadcasts. Every rank makes the same calls in the same order;
// what differs is a named error on all ranks, where a bare MPI call would hang.

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS {

/// Ranks made different calls, a rank has ended, or the library below refused a call.
struct communicator_error : error {
  using error::error;
};

namespace detail {

enum class collective : std::int64_t { sum_float, sum_double, all_gather, broadcast };

/// What one rank asks for; the ranks compare these before anything is sent.
struct collective_call {
  collective kind;
  std::int64_t bytes, root;
};

constexpr char const* name_of(collective kind) {
  constexpr char const* names[] = {"all_reduce", "all_reduce of double", "all_gather", "broadcast"};
  return names[static_cast<std::size_t>(kind)];
}

/// @throws communicator_error, shape_error, value_error where a rank's call does not fit rank 0's; the same text on every rank
inline void check_calls(std::span<collective_call const> calls) {
  auto const& first = calls.front();
  auto const* const name = name_of(first.kind);
  index const unit = first.kind == collective::sum_float ? sizeof(float) : first.kind == collective::sum_double ? sizeof(double) : 1;
  for (std::size_t r = 0; r < calls.size(); ++r) {
    auto const& call = calls[r];
    if (call.kind != first.kind)
      fail<communicator_error>(name, ": rank ", r, " calls ", name_of(call.kind), ", expected the call of rank 0");
    if (call.root != first.root) fail<value_error>(name, ": root = ", call.root, " on rank ", r, ", rank 0 expects root = ", first.root);
    if (first.kind != collective::all_gather)
      check_size(name, "rank " + std::to_string(r), unit > 1 ? "size" : "bytes", call.bytes / unit, "rank 0", first.bytes / unit);
  }
  check_range<std::int64_t>(name, "root", first.root, 0, static_cast<std::int64_t>(calls.size()) - 1);
}

}  // namespace detail

/// One rank's end. Implementations: single_communicator, thread_communicator, train/mpi_communicator.hpp.
/// @see thread_communicator for tests and for one machine
class communicator {
 public:
  /// Every rank's block, rank after rank, and how many elements each has.
  template <class T>
  struct gathered {
    std::vector<T> values;
    std::vector<index> counts;
  };

  communicator() = default;
  communicator(communicator const&) = delete;
  communicator& operator=(communicator const&) = delete;
  virtual ~communicator() = default;

  virtual index rank() const = 0;
  virtual index size() const = 0;

  /// Each element becomes its sum over the ranks, added in rank order: the same bits on every rank, and in every run.
  /// @throws shape_error on all ranks where their sizes differ
  void all_reduce(std::span<float> values) const { sum(values); }
  void all_reduce(std::span<double> values) const { sum(values); }
  double all_reduce(double value) const {
    sum(std::span<double>(&value, 1));
    return value;
  }
  /// The blocks of all ranks, which may differ in size.
  template <class T>
  gathered<T> all_gather(std::span<T const> own) const {
    static_assert(std::is_trivially_copyable_v<T>, "spearstorm: all_gather: elements travel as bytes");
    gathered<T> made;
    auto const bytes = gather(std::as_bytes(own), made.counts);
    for (std::size_t r = 0; r < made.counts.size(); ++r) {
      if (made.counts[r] % static_cast<index>(sizeof(T)) != 0)
        fail<shape_error>("all_gather: rank ", r, " has ", made.counts[r], " bytes, expected whole elements of ", sizeof(T));
      made.counts[r] /= static_cast<index>(sizeof(T));
    }
    made.values.resize(bytes.size() / sizeof(T));
    if (!bytes.empty()) std::memcpy(made.values.data(), bytes.data(), bytes.size());
    return made;
  }
  /// Every rank gets the root's values.
  /// @throws shape_error, value_error on all ranks where their sizes or roots differ, or the root is no rank
  template <class T>
  void broadcast(std::span<T> values, index root = 0) const {
    static_assert(std::is_trivially_copyable_v<T>, "spearstorm: broadcast: elements travel as bytes");
    send(std::as_writable_bytes(values), root);
  }

 private:
  virtual void sum(std::span<float> values) const = 0;
  virtual void sum(std::span<double> values) const = 0;
  /// @param counts assigned: bytes of each rank
  virtual std::vector<std::byte> gather(std::span<std::byte const> own, std::vector<index>& counts) const = 0;
  virtual void send(std::span<std::byte> values, index root) const = 0;
};

/// A run of one rank.
class single_communicator final : public communicator {
 public:
  index rank() const override { return 0; }
  index size() const override { return 1; }

 private:
  void sum(std::span<float>) const override {}
  void sum(std::span<double>) const override {}
  std::vector<std::byte> gather(std::span<std::byte const> own, std::vector<index>& counts) const override {
    counts = {static_cast<index>(own.size())};
    return {own.begin(), own.end()};
  }
  void send(std::span<std::byte>, index root) const override { check_range<index>("broadcast", "root", root, 0, 0); }
};

}  // namespace SPEARSTORM_NS
