// Run by mpirun on two processes or more: sums, blocks, broadcasts, refusals; alignment regularisation of five examples on the first two.

#include <cstdio>

#include "alignment_of_ranks.hpp"
#include "communicator_checks.hpp"
#include "spearstorm/backend/scalar.hpp"
#include "spearstorm/train/mpi_communicator.hpp"

namespace ss = spearstorm;

int main() {
  using exec = ss::cpu::scalar<ss::f64>;
  ss::train::mpi_session const session;
  ss::train::mpi_communicator const comm;
  std::string wrong = test::check_communicator(comm);

  std::vector<float> large((std::size_t{1} << 22) + 5);  // more than one piece
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<float>(i % 1000) + static_cast<float>(comm.rank());
  comm.all_reduce(std::span<float>(large));
  auto const n = static_cast<float>(comm.size());
  for (std::size_t i = 0; i < large.size() && wrong.empty(); ++i)
    if (large[i] != static_cast<float>(i % 1000) * n + n * (n - 1) / 2) wrong = ss::message("element ", i, " of a large sum is ", large[i]);

  ss::index const rank = comm.rank(), count = rank == 0 ? 2 : rank == 1 ? 3 : 0;
  auto found = test::alignment_of<exec>(rank == 1 ? 2 : 0, count, &comm);
  auto const alone = test::alignment_of<exec>(0, 5, nullptr);
  comm.all_reduce(std::span<double>(found).subspan(1));  // the gradients; the loss is every rank's
  for (std::size_t i = 0; i < alone.size(); ++i)
    if (!(std::abs(found[i] - alone[i]) <= 1e-12 * (1 + std::abs(alone[i]))))
      wrong += ss::message("rank ", rank, ": number ", i, " of the alignment loss is ", found[i], ", expected ", alone[i], "; ");

  if (comm.size() < 2) wrong += "one process, expected two or more: run this by mpirun; ";
  if (!wrong.empty()) std::printf("%s\n", wrong.c_str());
  bool const failed = comm.all_reduce(wrong.empty() ? 0.0 : 1.0) > 0;
  if (comm.rank() == 0) std::printf("%s on %d processes\n", failed ? "WRONG" : "all is right", static_cast<int>(comm.size()));
  return failed;
}
