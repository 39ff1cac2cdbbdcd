// Element-wise work: one fused expression against its parts stored one by one, forward and with gradients. GB/s counts what
// the fused form reads and writes, in both rows: the ratio of the times is what fusion saves.

#include "common.hpp"
#include "spearstorm/ops/sum.hpp"

namespace {

namespace ss = spearstorm;
using namespace ss::axes;
using ss::sigmoid, ss::silu;

/// `(a - b) * sigmoid(a + b) + tanh(a) / 2`
auto fused(auto& ctx, auto const& a, auto const& b) { return ctx.eval((a - b) * sigmoid(a + b) + tanh(a) * 0.5f); }
auto parts(auto& ctx, auto const& a, auto const& b) {
  auto const difference = ctx.eval(a - b);
  auto const both = ctx.eval(a + b);
  auto const gate = ctx.eval(sigmoid(both));
  auto const left = ctx.eval(difference * gate);
  auto const right = ctx.eval(tanh(a));
  auto const half = ctx.eval(right * 0.5f);
  return ctx.eval(left + half);
}
auto gated(auto& ctx, auto const& a, auto const& b) { return ctx.eval(silu(a) * b); }
auto gated_parts(auto& ctx, auto const& a, auto const& b) {
  auto const gate = ctx.eval(silu(a));
  return ctx.eval(gate * b);
}
auto added(auto& ctx, auto const& a, auto const& b) { return ctx.eval(a + b); }

}  // namespace

int main(int count, char** words) {
  bench_run::command_line line(count, words);
  line.for_each_policy([&]<class Exec>(std::type_identity<Exec>, std::string const& policy, double largest) {
    ss::workspace<Exec> work{{.threads = line.threads}};
    for (ss::index n : {ss::index{1} << 12, ss::index{1} << 16, ss::index{1} << 20}) {
      if (static_cast<double>(n) * 100 > largest) continue;
      auto const host_a = bench_run::random_array<batch<>, dim<>>({n / 256, 256}, 1),
                 host_b = bench_run::random_array<batch<>, dim<>>({n / 256, 256}, 2);
      auto const both_ways = [&](std::string const& what, auto const& f) {
        std::string const size = ", " + std::to_string(n >> 10) + " Ki";
        double const floats = 4.0 * static_cast<double>(n);
        {
          ss::inference<Exec> ctx{work};
          auto const a = ctx.upload(host_a), b = ctx.upload(host_b);
          line.measure(policy, what + size,
                       [&] {
                         auto const guard = ctx.scratch();
                         return f(ctx, a, b).data();
                       },
                       {.bytes = 3 * floats});
        }
        line.measure(policy, what + size + ", and back",
                     [&] {
                       ss::recording<Exec> ctx{work};
                       auto const a = ctx.leaf(ctx.upload(host_a)), b = ctx.leaf(ctx.upload(host_b));
                       auto const loss = ss::ops::sum(ctx, f(ctx, a, b));
                       return ctx.gradients(loss).of(a).data();
                     },
                     {.bytes = 8 * floats});
      };
      both_ways("a + b", [](auto&... x) { return added(x...); });
      both_ways("silu(a) * b, fused", [](auto&... x) { return gated(x...); });
      both_ways("silu(a) * b, in parts", [](auto&... x) { return gated_parts(x...); });
      both_ways("7 functions, fused", [](auto&... x) { return fused(x...); });
      both_ways("7 functions, in parts", [](auto&... x) { return parts(x...); });
    }
  });
}
