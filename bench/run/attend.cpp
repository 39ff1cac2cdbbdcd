// Attention forward and backward, in GFLOP/s of its two products (with gradients: of these and the five backward).

#include "spearstorm/ops/attend.hpp"
#include "common.hpp"
#include "spearstorm/ops/sum.hpp"

namespace {

namespace ss = spearstorm;
using namespace ss::axes;

struct shape {
  ss::index batch, frames, heads, width;
};
constexpr shape shapes[] = {{1, 64, 2, 16}, {4, 128, 8, 16}, {1, 256, 8, 64}, {1, 1024, 8, 64}, {16, 512, 8, 64}};

}  // namespace

int main(int count, char** words) {
  bench_run::command_line line(count, words);
  line.for_each_policy([&]<class Exec>(std::type_identity<Exec>, std::string const& policy, double largest) {
    ss::workspace<Exec> work{{.threads = line.threads}};
    for (auto const& s : shapes) {
      double const product = 2.0 * static_cast<double>(s.batch * s.heads * s.width) * static_cast<double>(s.frames * s.frames);
      if (5 * product > largest) continue;
      auto const host = [&](std::uint64_t seed) {
        return bench_run::random_array<batch<>, frames<>, dim<>>({s.batch, s.frames, s.heads * s.width}, seed);
      };
      auto const host_q = host(1), host_k = host(2), host_v = host(3);
      std::string const what = ss::message("attend ", s.batch, " x ", s.frames, " frames, ", s.heads, " x ", s.width);
      {
        ss::inference<Exec> ctx{work};
        auto const q = ctx.upload(host_q), k = ctx.upload(host_k), v = ctx.upload(host_v);
        line.measure(policy, what,
                     [&] {
                       auto const guard = ctx.scratch();
                       return ss::ops::attend(ctx, q, k, v, {.heads = s.heads}).data();
                     },
                     {.flops = 2 * product});
      }
      line.measure(policy, what + ", and back",
                   [&] {
                     ss::recording<Exec> ctx{work};
                     auto const q = ctx.leaf(ctx.upload(host_q)), k = ctx.leaf(ctx.upload(host_k)), v = ctx.leaf(ctx.upload(host_v));
                     auto const loss = ss::ops::sum(ctx, ss::ops::attend(ctx, q, k, v, {.heads = s.heads}));
                     return ctx.gradients(loss).of(q).data();
                   },
                   {.flops = 7 * product});
    }
  });
}
