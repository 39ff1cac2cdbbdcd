#pragma once
// Ranks as MPI processes, started by mpirun or a cluster's launcher.

#include <algorithm>
#include <limits>

#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX 1  // the C interface alone: Open MPI's C++ one needs a library of its own
#endif
#ifndef MPICH_SKIP_MPICXX
#define MPICH_SKIP_MPICXX 1
#endif
#include <mpi.h>

#include "spearstorm/runtime/communicator.hpp"

namespace SPEARSTORM_NS::train {

namespace detail {
/// @throws communicator_error with MPI's own words
inline void check_mpi(char const* function, int status) {
  if (status == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(status, text, &length);
  fail<communicator_error>(function, ": MPI says: ", text);
}
}  // namespace detail

/// Starts MPI where nobody has, and then ends it: one in main, before any mpi_communicator.
class mpi_session {
 public:
  mpi_session() {
    int started = 0;
    detail::check_mpi("mpi_session", MPI_Initialized(&started));
    if (started) return;
    int provided = 0;
    detail::check_mpi("mpi_session", MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided));
    owner_ = true;
  }
  mpi_session(mpi_session const&) = delete;
  mpi_session& operator=(mpi_session const&) = delete;
  ~mpi_session() {
    if (owner_) MPI_Finalize();
  }

 private:
  bool owner_ = false;
};

/// Called from one thread. Messages go through a communicator of its own, so they mix with no others.
/// @cost all_reduce sends and receives 2 (ranks - 1) / ranks of its bytes, in pieces; each call compares 24 bytes a rank first
class mpi_communicator final : public communicator {
 public:
  /// @throws communicator_error where MPI has not been started
  explicit mpi_communicator(MPI_Comm parent = MPI_COMM_WORLD) {
    int started = 0;
    detail::check_mpi("mpi_communicator", MPI_Initialized(&started));
    if (!started) fail<communicator_error>("mpi_communicator: MPI has not been started, expected an mpi_session before");
    detail::check_mpi("mpi_communicator", MPI_Comm_dup(parent, &comm_));
    MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
    MPI_Comm_rank(comm_, &rank_);
    MPI_Comm_size(comm_, &size_);
  }
  ~mpi_communicator() override {
    int ended = 0;
    MPI_Finalized(&ended);
    if (!ended) MPI_Comm_free(&comm_);
  }

  index rank() const override { return rank_; }
  index size() const override { return size_; }

 private:
  using collective = spearstorm::detail::collective;
  using call = spearstorm::detail::collective_call;

  /// What every rank asks for.
  std::vector<call> agreed(call const& own) const {
    static_assert(sizeof(call) == 3 * sizeof(std::int64_t));
    std::vector<call> calls(static_cast<std::size_t>(size_));
    detail::check_mpi(name_of(own.kind), MPI_Allgather(&own, 3, MPI_INT64_T, calls.data(), 3, MPI_INT64_T, comm_));
    spearstorm::detail::check_calls(calls);
    return calls;
  }

  void sum(std::span<float> values) const override { add(values, collective::sum_float, MPI_FLOAT); }
  void sum(std::span<double> values) const override { add(values, collective::sum_double, MPI_DOUBLE); }
  /// Each rank adds up its part in rank order, and the parts go to all: MPI_Allreduce leaves the order open.
  template <class T>
  void add(std::span<T> values, collective kind, MPI_Datatype type) const {
    agreed({kind, static_cast<std::int64_t>(values.size_bytes()), 0});
    constexpr std::size_t piece = std::size_t{1} << 22;
    auto const ranks = static_cast<std::size_t>(size_);
    std::vector<int> counts(ranks), at(ranks), own_counts(ranks), own_at(ranks);
    std::vector<T> parts;
    for (std::size_t first = 0; first < values.size(); first += piece) {
      auto const n = std::min(piece, values.size() - first), per = (n + ranks - 1) / ranks;
      for (std::size_t r = 0; r < ranks; ++r) {
        auto const begin = std::min(n, r * per);
        at[r] = static_cast<int>(begin), counts[r] = static_cast<int>(std::min(n, begin + per) - begin);
      }
      auto const own = static_cast<std::size_t>(counts[static_cast<std::size_t>(rank_)]);
      for (std::size_t r = 0; r < ranks; ++r) own_counts[r] = static_cast<int>(own), own_at[r] = static_cast<int>(r * own);
      parts.resize(ranks * own);
      T* const here = values.data() + first;
      detail::check_mpi("all_reduce",
                        MPI_Alltoallv(here, counts.data(), at.data(), type, parts.data(), own_counts.data(), own_at.data(), type, comm_));
      for (std::size_t r = 1; r < ranks; ++r)
        for (std::size_t i = 0; i < own; ++i) parts[i] += parts[r * own + i];
      detail::check_mpi("all_reduce",
                        MPI_Allgatherv(parts.data(), static_cast<int>(own), type, here, counts.data(), at.data(), type, comm_));
    }
  }
  std::vector<std::byte> gather(std::span<std::byte const> own, std::vector<index>& counts) const override {
    std::vector<int> sizes, at;
    std::int64_t total = 0;
    counts.clear();
    for (auto const& of : agreed({collective::all_gather, static_cast<std::int64_t>(own.size()), 0})) {
      counts.push_back(static_cast<index>(of.bytes));
      sizes.push_back(static_cast<int>(of.bytes)), at.push_back(static_cast<int>(total));
      total += of.bytes;
    }
    check_range<std::int64_t>("all_gather", "bytes of all ranks", total, 0, std::numeric_limits<int>::max());
    std::vector<std::byte> all(static_cast<std::size_t>(total));
    detail::check_mpi("all_gather", MPI_Allgatherv(own.data(), static_cast<int>(own.size()), MPI_BYTE, all.data(), sizes.data(), at.data(),
                                                   MPI_BYTE, comm_));
    return all;
  }
  void send(std::span<std::byte> values, index root) const override {
    agreed({collective::broadcast, static_cast<std::int64_t>(values.size()), root});
    constexpr std::size_t piece = std::size_t{1} << 30;
    for (std::size_t first = 0; first < values.size(); first += piece)
      detail::check_mpi("broadcast", MPI_Bcast(values.data() + first, static_cast<int>(std::min(piece, values.size() - first)), MPI_BYTE,
                                               static_cast<int>(root), comm_));
  }

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
};

}  // namespace SPEARSTORM_NS::train
