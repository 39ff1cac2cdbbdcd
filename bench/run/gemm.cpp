// Matrix products of the shapes that the networks ask for, in GFLOP/s.

#include "common.hpp"

namespace {

namespace ss = spearstorm;
using namespace ss::axes;

struct shape {
  char const* of;
  ss::backend::gemm_call call;
};

/// A head inside a (frames, heads * width) tensor is an operand without a copy.
ss::backend::gemm_call scores(ss::index batch, ss::index frames, ss::index heads, ss::index width) {
  ss::index const wide = heads * width;
  return {.m = frames,
          .n = frames,
          .k = width,
          .trans_b = true,
          .lda = wide,
          .ldb = wide,
          .ldc = frames,
          .batches = batch,
          .heads = heads,
          .a_batch = frames * wide,
          .a_head = width,
          .b_batch = frames * wide,
          .b_head = width,
          .c_batch = heads * frames * frames,
          .c_head = frames * frames};
}
/// y = x W^T, as a linear layer calls it.
ss::backend::gemm_call layer(ss::index rows, ss::index in, ss::index out) {
  return {.m = rows, .n = out, .k = in, .trans_b = true, .lda = in, .ldb = in, .ldc = out};
}
/// dW = dy^T x, its weight's gradient.
ss::backend::gemm_call weight(ss::index rows, ss::index in, ss::index out) {
  return {.m = out, .n = in, .k = rows, .trans_a = true, .lda = out, .ldb = in, .ldc = in};
}

shape const shapes[] = {
    {"dim 128, 4 x 128 frames: q, k, v", layer(512, 128, 128)},
    {"dim 128, 4 x 128 frames: feed-forward", layer(512, 128, 512)},
    {"dim 128, 4 x 128 frames: dW of the same", weight(512, 128, 512)},
    {"dim 128, 4 x 128 frames: 1024 codes", layer(512, 128, 1024)},
    {"dim 128, 4 x 128 frames: attention scores", scores(4, 128, 8, 16)},
    {"dim 512, 256 frames: q, k, v", layer(256, 512, 512)},
    {"dim 512, 256 frames: feed-forward", layer(256, 512, 2048)},
    {"dim 512, 256 frames: back to 512", layer(256, 2048, 512)},
    {"dim 512, 256 frames: dW of the same", weight(256, 2048, 512)},
    {"dim 512, 256 frames: attention scores", scores(1, 256, 8, 64)},
    {"dim 512, 4096 rows: feed-forward", layer(4096, 512, 2048)},
    {"one row: 512 to 2048", layer(1, 512, 2048)},
    {"8 rows: 512 to 512", layer(8, 512, 512)},
};

/// The elements that the call touches of an operand.
ss::index length(ss::index rows, ss::index cols, ss::index stride, ss::backend::gemm_call const& call, ss::index per_batch,
                 ss::index per_head) {
  return (rows - 1) * stride + cols + (call.batches - 1) * per_batch + (call.heads - 1) * per_head;
}

}  // namespace

int main(int count, char** words) {
  bench_run::command_line line(count, words);
  line.for_each_policy([&]<class Exec>(std::type_identity<Exec>, std::string const& policy, double largest) {
    ss::workspace<Exec> work{{.threads = line.threads}};
    for (auto const& [of, call] : shapes) {
      if (call.flops() > largest) continue;
      ss::inference<Exec> ctx{work};
      auto const operand = [&](ss::index n, std::uint64_t seed) { return ctx.upload(bench_run::random_array<rows<>>({n}, seed)); };
      auto const a =
          operand(length(call.trans_a ? call.k : call.m, call.trans_a ? call.m : call.k, call.lda, call, call.a_batch, call.a_head), 1);
      auto const b =
          operand(length(call.trans_b ? call.n : call.k, call.trans_b ? call.k : call.n, call.ldb, call, call.b_batch, call.b_head), 2);
      auto* const c = ctx.template allocate<float>(length(call.m, call.n, call.ldc, call, call.c_batch, call.c_head));
      line.measure(policy, of, [&] { ss::verbs::gemm(ctx.exec(), call, a.data(), b.data(), c); }, {.flops = call.flops()});
    }
  });
}
