#include "spearstorm/ops/all_gather.hpp"

#include "check_op.hpp"
#include "spearstorm/runtime/thread_communicator.hpp"

using namespace test;
using namespace ss::axes;

TEST_CASE("ops/all_gather: a single rank gets its own examples; all policies, gradients, threads, expressions") {
  ss::single_communicator const alone;
  check_op([&](auto& ctx, auto const& of) { return ss::ops::all_gather(ctx, of, alone); },
           random_array<batch<>, frames<>, dim<>>({2, 3, 5}, 1));
}

TEST_CASE("ops/all_gather: two, none and one example of three ranks, and each rank's part of the gradient, on all policies") {
  std::vector<std::vector<float>> const own{{1, 2, 3, 4}, {}, {5, 6}};
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    std::vector<float> found[3], gradient[3];
    ss::run_ranks(3, [&](ss::communicator const& comm) {
      auto const r = static_cast<std::size_t>(comm.rank());
      ss::workspace<Exec> work{{.threads = 1}};
      ss::recording<Exec> ctx{work};
      ss::array<float, batch<>, dim<2>> const mine({static_cast<ss::index>(own[r].size()) / 2, 2}, own[r]);
      auto const x = ctx.leaf(ctx.upload(mine));
      auto const y = ss::ops::all_gather(ctx, x, comm);                            // (batch of all ranks, dim)
      static_assert(std::is_same_v<typename decltype(y)::axes_type, ss::axis_list<batch<>, dim<2>>>);
      auto const host = ctx.download(y);
      found[r].assign(host.begin(), host.end());
      auto const weights = ctx.upload(ss::array<float, batch<>, dim<2>>({3, 2}, {10, 20, 30, 40, 50, 60}));
      auto const g = ctx.gradients(ss::ops::sum(ctx, y * weights));
      auto const dx = ctx.download(g.of(x));
      gradient[r].assign(dx.begin(), dx.end());
    });
    for (auto const& all : found) CHECK(all == std::vector<float>{1, 2, 3, 4, 5, 6});
    CHECK(gradient[0] == std::vector<float>{10, 20, 30, 40});
    CHECK(gradient[1].empty());
    CHECK(gradient[2] == std::vector<float>{50, 60});
  });
}

TEST_CASE("ops/all_gather: ranks that differ behind the examples are told so, all of them") {
  std::string told[2];
  ss::run_ranks(2, [&](ss::communicator const& comm) {
    ss::workspace<fastest> work{{.threads = 1}};
    ss::inference<fastest> ctx{work};
    try {
      ss::ops::all_gather(ctx, ctx.upload(ss::array<float, batch<>, dim<>>({1, 2 + comm.rank()})), comm);
    } catch (ss::shape_error const& e) {
      told[comm.rank()] = e.what();
    }
  });
  for (auto const& text : told) CHECK(text == "all_gather: rank 1 has axis 1 = 3, rank 0 expects axis 1 = 2");
}
