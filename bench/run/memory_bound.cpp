// What ought to run at the speed of memory: convolution over frames, norms, residual streams, lookups, the optimizer. GB/s counts what has to
// be read and written at least; the first row, a copy, is what the others are to be judged by. A row `and back` has in it what makes a
// gradient of a product with a constant: two reads and the loss, and a read and a write.

#include "common.hpp"
#include "random_ids.hpp"
#include "spearstorm/nn/hyper_connection.hpp"
#include "spearstorm/ops/depthwise_conv.hpp"
#include "spearstorm/ops/embed.hpp"
#include "spearstorm/ops/gather_rows.hpp"
#include "spearstorm/ops/layer_norm.hpp"
#include "spearstorm/ops/sum.hpp"
#include "spearstorm/optim/adamw.hpp"
#include "spearstorm/optim/gradient_slab.hpp"

namespace {

namespace ss = spearstorm;
using namespace ss::axes;
using ss::index;

constexpr index length = 1500, width = 1024, taps = 5, stream_count = 4, level_count = 12, code_count = 1024;
constexpr double rows_of = 4.0 * length * width;  ///< bytes of the features of all frames

template <class Exec>
struct bench {
  bench_run::command_line& line;
  std::string policy;
  ss::workspace<Exec> work;

  /// f(ctx) -> tensor.
  template <class F>
  void forward(std::string const& what, double bytes, F const& f) {
    line.measure(policy, what,
                 [&] {
                   ss::inference<Exec> ctx{work};
                   return f(ctx).data();
                 },
                 {.bytes = bytes});
  }
  /// The same, then the gradients of its product with `seed`, a parameter of as many numbers.
  template <class F, class Seed>
  void both(std::string const& what, double forward_bytes, double backward_bytes, Seed const& seed, F const& f) {
    forward(what, forward_bytes, f);
    double const loss_bytes = 4.0 * 4.0 * static_cast<double>(seed.size());
    line.measure(policy, what + ", and back",
                 [&] {
                   ss::recording<Exec> ctx{work};
                   auto const y = f(ctx);
                   using plain = std::remove_cvref_t<decltype(y)>;
                   auto const weights = ctx.template wrap<typename plain::axes_type>(seed.data(), y.extents());
                   auto const loss = ss::ops::sum(ctx, y * weights);
                   return ctx.gradients(loss).places().size();
                 },
                 {.bytes = forward_bytes + backward_bytes + loss_bytes});
  }
};

struct adam_model {
  ss::parameter<test::fastest, dim<>> weights;
  static void visit(auto& self, auto&& each) { each("weights", self.weights); }
};

}  // namespace

int main(int count, char** words) {
  bench_run::command_line line(count, words);
  using exec = test::fastest;
  bench<exec> b{line, "simd", ss::workspace<exec>{{.seed = 1, .threads = line.threads}}};
  auto const normal = ss::initialiser::normal(1);
  using features = ss::parameter<exec, batch<>, frames<>, dim<>>;
  features const x(b.work, {1, length, width}, normal), seed(b.work, {1, length, width}, normal);
  ss::parameter<exec, dim<>> const gamma(b.work, {width}, normal), beta(b.work, {width}, normal);

  b.forward("copy", 2 * rows_of, [&](auto& ctx) {
    float* const to = ctx.template allocate<float>(x.size());
    ss::verbs::copy_rows(ctx.exec(), length, width, x.data(), width, to, width);
    return ctx.template wrap<typename features::axes_type>(to, x.extents());
  });
  b.forward("sum of two", 3 * rows_of, [&](auto& ctx) { return ctx.eval(ctx.use(x) + ctx.use(seed)); });

  ss::parameter<exec, kernel<>, dim<>> const kernels(b.work, {taps, width}, normal);
  b.both("depthwise_conv, 5 taps", 2 * rows_of, 5 * rows_of, seed,
         [&](auto& ctx) { return ss::ops::depthwise_conv(ctx, x, kernels, beta, {.left = taps / 2}); });
  b.both("layer_norm", 2 * rows_of, 3 * rows_of, seed, [&](auto& ctx) { return ss::ops::layer_norm(ctx, x, gamma, beta); });
  b.both("rms_norm", 2 * rows_of, 3 * rows_of, seed, [&](auto& ctx) { return ss::ops::rms_norm(ctx, x, gamma); });

  {
    ss::parameter<exec, batch<>, frames<>, streams<>, dim<>> const wide(b.work, {1, length, stream_count, width}, normal),
        wide_seed(b.work, {1, length, stream_count, width}, normal);
    ss::nn::hyper_connection<ss::dynamic, exec> const connection(b.work, width, stream_count, 0);
    // the weights read the streams, the branch's input reads them and is written, the new streams read both and are written;
    // back, each of the three reads the streams and gives a gradient of them
    double const w = stream_count * rows_of;
    b.both("hyper-connection of 4 streams", 4 * w + 2 * rows_of, 7 * w + 2 * rows_of, wide_seed, [&](auto& ctx) {
      auto const with = connection.width(ctx, ctx.use(wide));
      return connection.depth(ctx, with.branch_input, with);
    });
  }
  {
    ss::parameter<exec, vocab<>, dim<>> const table(b.work, {level_count * code_count, width}, normal);
    auto const host = bench_run::random_ids(ss::array<std::int32_t, batch<>, frames<>, levels<>>({1, length, level_count}), code_count);
    double const touched = (level_count + 1) * rows_of;
    b.both("embed_sum, 12 levels", touched, touched + 4.0 * level_count * code_count * width, seed,
           [&](auto& ctx) { return ss::ops::embed_sum(ctx, table, ctx.upload(host), {.stride = code_count}); });
    auto const chosen = bench_run::random_ids(ss::array<std::int32_t, rows<>>({length}), length);
    b.both("gather_rows", 2 * rows_of, 2 * rows_of, seed, [&](auto& ctx) { return ss::ops::gather_rows(ctx, x, ctx.upload(chosen)); });
  }
  {
    adam_model model{{b.work, {10'500'000}, normal}};
    ss::optim::gradient_slab<exec> slab(model);
    for (auto& place : slab.places()) ss::verbs::fill(b.work.exec(), place.data, place.size, 1e-3f), place.written = true;
    double const each = 4.0 * static_cast<double>(model.weights.size());
    for (bool const clips : {false, true}) {
      ss::optim::adamw<exec> adam{{.max_grad_norm = clips ? 0.5 : 0}};
      line.measure("simd", clips ? "AdamW of 10.5 M parameters, clipping" : "AdamW of 10.5 M parameters",
                   [&] { return adam.step_(b.work, model, slab); },
                   {.bytes = 8 * each});  // one read more than the step's own, for the norm
    }
  }
  return 0;
}
