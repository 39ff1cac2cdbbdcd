#pragma once
// What any communicator of two ranks or more must do; the thread ranks' test and the MPI program run the same checks.

#include <cmath>
#include <string>

#include "spearstorm/runtime/communicator.hpp"

namespace test {

/// Nothing where all is right, else what is not. Every rank calls it.
inline std::string check_communicator(spearstorm::communicator const& comm) {
  using spearstorm::index;
  index const rank = comm.rank(), ranks = comm.size();
  std::string wrong;
  auto const require = [&](bool holds, char const* what) {
    if (!holds) wrong += spearstorm::message("rank ", rank, ": ", what, "; ");
  };
  auto const refused = [&](auto const& call, std::string const& expected) {
    std::string found = "no error";
    try {
      call();
    } catch (spearstorm::error const& e) {
      found = e.what();
    }
    require(found == expected, (found + ", expected " + expected).c_str());
  };

  // Sums in rank order: 1e8 + 1 + ... + 1 - 1e8 loses the ones in float, another order would keep some of them.
  std::vector<float> values(1001);
  auto const value = [&](index r, std::size_t i) {
    return (r == 0 ? 1e8f : r + 1 == ranks ? -1e8f : 1.0f) + (i % 3 == 0 ? 0.1f * static_cast<float>(r) : 0.0f);
  };
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = value(rank, i);
  comm.all_reduce(std::span<float>(values));
  bool same = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    float total = value(0, i);
    for (index r = 1; r < ranks; ++r) total += value(r, i);
    same = same && values[i] == total;
  }
  require(same, "a sum of floats is not that of the ranks in their order");
  require(comm.all_reduce(static_cast<double>(rank) + 0.5) == static_cast<double>(ranks * ranks) / 2, "the sum of a double");
  std::vector<float> none;
  comm.all_reduce(std::span<float>(none));

  // Rank r has r elements: 10 r, 10 r + 1, ...
  std::vector<index> own;
  for (index i = 0; i < rank; ++i) own.push_back(10 * rank + i);
  auto const all = comm.all_gather<index>(own);
  std::vector<index> expected, counts;
  for (index r = 0; r < ranks; ++r) {
    counts.push_back(r);
    for (index i = 0; i < r; ++i) expected.push_back(10 * r + i);
  }
  require(all.values == expected && all.counts == counts, "blocks of 0, 1, ... elements");

  for (index root = 0; root < ranks; ++root) {
    std::vector<double> said{static_cast<double>(rank), 7};
    comm.broadcast<double>(said, root);
    require(said == std::vector<double>{static_cast<double>(root), 7}, "a broadcast");
  }

  // What differs is refused on every rank, and the next call works.
  std::vector<float> few(static_cast<std::size_t>(2 + (rank == 1)));
  refused([&] { comm.all_reduce(std::span<float>(few)); }, "all_reduce: rank 1 has size = 3, rank 0 expects size = 2");
  refused([&] { comm.broadcast(std::span<float>(few)); }, "broadcast: rank 1 has bytes = 12, rank 0 expects bytes = 8");
  std::vector<double> wide(2);
  std::vector<float> narrow(4);
  refused([&] { rank == 1 ? comm.all_reduce(std::span<float>(narrow)) : comm.all_reduce(std::span<double>(wide)); },
          "all_reduce of double: rank 1 calls all_reduce, expected the call of rank 0");
  refused([&] { comm.broadcast(std::span<double>(wide), rank == 1 ? 1 : 0); }, "broadcast: root = 1 on rank 1, rank 0 expects root = 0");
  refused([&] { comm.broadcast(std::span<double>(wide), ranks); },
          spearstorm::message("broadcast: root = ", ranks, ", expected 0 to ", ranks - 1));
  require(comm.all_reduce(1.0) == static_cast<double>(ranks), "a call behind a refused one");
  return wrong;
}

}  // namespace test
