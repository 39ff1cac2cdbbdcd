// Single operations for bench/compare; compare_ours.cpp chooses the case.

#include "compare_case.hpp"
#include "spearstorm/backend/simd/simd.hpp"
#include "spearstorm/ops/attend.hpp"
#include "spearstorm/ops/sum.hpp"
#include "spearstorm/optim/adamw.hpp"
#include "spearstorm/optim/gradient_slab.hpp"

namespace compare {
namespace {

using namespace ss::axes;
using precision = ss::SPEARSTORM_BENCH_PRECISION;
using exec = ss::cpu::simd<precision>;
using matrix = ss::parameter<exec, rows<>, dim<>>;

matrix random_matrix(ss::workspace<exec>& work, ss::index down, ss::index across) {
  return matrix(work, {down, across}, ss::initialiser::uniform(1));
}

// -- products

struct product {
  ss::workspace<exec> work;
  matrix left, right;
  ss::backend::gemm_call call;
  ss::buffer<float> result;
  product(ss::index threads, ss::sizes<2> a, ss::sizes<2> b, ss::backend::gemm_call const& does)
      : work({.seed = 1, .threads = threads}),
        left(random_matrix(work, a[0], a[1])),
        right(random_matrix(work, b[0], b[1])),
        call(does),
        result(does.m * does.n) {}
};

/// y = x W^T; the layer uses its weight as a layer does, so that what a policy keeps of weights serves here too.
work layer(sizes_of_case const& of, ss::index threads) {
  ss::index const count = of["rows"], in = of["in"], out = of["out"];
  auto const with =
      std::make_shared<product>(threads, ss::sizes<2>{count, in}, ss::sizes<2>{out, in},
                                ss::backend::gemm_call{.m = count, .n = out, .k = in, .trans_b = true, .lda = in, .ldb = in, .ldc = out});
  return [=] {
    ss::inference<exec> ctx{with->work};
    ss::verbs::gemm(ctx.exec(), with->call, with->left.data(), ctx.use(with->right).data(), with->result.data());
  };
}

/// dW = dy^T x, neither of them a parameter.
work layer_weight(sizes_of_case const& of, ss::index threads) {
  ss::index const count = of["rows"], in = of["in"], out = of["out"];
  auto const with =
      std::make_shared<product>(threads, ss::sizes<2>{count, out}, ss::sizes<2>{count, in},
                                ss::backend::gemm_call{.m = out, .n = in, .k = count, .trans_a = true, .lda = out, .ldb = in, .ldc = in});
  return [=] { ss::verbs::gemm(with->work.exec(), with->call, with->left.data(), with->right.data(), with->result.data()); };
}

// -- attention

struct attention {
  using features = ss::parameter<exec, batch<>, frames<>, dim<>>;
  ss::workspace<exec> work;
  features q, k, v;
  ss::array<ss::flag, batch<>, frames<>> seen;
  ss::index heads;
  attention(sizes_of_case const& of, ss::index threads)
      : work({.seed = 1, .threads = threads}),
        q(made(of)),
        k(made(of)),
        v(made(of)),
        seen({1, of["frames"]}, ss::flag{1}),
        heads(of["heads"]) {
    for (ss::index i = of["frames"] - 100; i < of["frames"]; ++i) seen.data()[i] = 0;
  }
  features made(sizes_of_case const& of) {
    return features(work, {1, of["frames"], of["heads"] * of["dim_head"]}, ss::initialiser::normal(1));
  }
};

template <bool Masked>
work attention_forward(sizes_of_case const& of, ss::index threads) {
  auto const with = std::make_shared<attention>(of, threads);
  return [=] {
    ss::inference<exec> ctx{with->work};
    ss::ops::frame_mask mask;
    if constexpr (Masked) mask = ctx.upload(with->seen);
    ss::ops::attend(ctx, ctx.use(with->q), ctx.use(with->k), ctx.use(with->v), {.heads = with->heads, .keys = mask});
  };
}

work attention_backward(sizes_of_case const& of, ss::index threads) {
  auto const with = std::make_shared<attention>(of, threads);
  return [=] {
    ss::recording<exec> ctx{with->work};
    auto const y = ss::ops::attend(ctx, ctx.use(with->q), ctx.use(with->k), ctx.use(with->v), {.heads = with->heads});
    ctx.gradients(ss::ops::sum(ctx, y));
  };
}

// -- element-wise

struct three_operations {
  auto operator()(auto const& a, auto const& b) const { return a * b + a * 0.5f; }
};
struct seven_operations {
  auto operator()(auto const& a, auto const& b) const { return (a - b) * ss::sigmoid(a + b) + tanh(a) * 0.5f; }
};

struct operands {
  ss::workspace<exec> work;
  matrix a, b;
  operands(sizes_of_case const& of, ss::index threads)
      : work({.seed = 1, .threads = threads}),
        a(random_matrix(work, of["numbers"] / 256, 256)),
        b(random_matrix(work, of["numbers"] / 256, 256)) {}
};

template <class F>
work elementwise_forward(sizes_of_case const& of, ss::index threads) {
  auto const with = std::make_shared<operands>(of, threads);
  return [=] {
    ss::inference<exec> ctx{with->work};
    ctx.eval(F{}(ctx.use(with->a), ctx.use(with->b)));
  };
}

template <class F>
work elementwise_backward(sizes_of_case const& of, ss::index threads) {
  auto const with = std::make_shared<operands>(of, threads);
  return [=] {
    ss::recording<exec> ctx{with->work};
    ctx.gradients(ss::ops::sum(ctx, ctx.eval(F{}(ctx.use(with->a), ctx.use(with->b)))));
  };
}

// -- the optimizer

struct many_matrices {
  std::vector<matrix> parts;
  static void visit(auto& self, auto&& each) { each("parts", self.parts); }
};

struct optimized {
  ss::workspace<exec> work;
  many_matrices model;
  std::optional<ss::optim::gradient_slab<exec>> gradients;
  ss::optim::adamw<exec> adam{{.rate = 3e-4, .beta1 = 0.9, .beta2 = 0.99, .weight_decay = 0.01, .max_grad_norm = 0}};
  optimized(sizes_of_case const& of, ss::index threads) : work({.seed = 1, .threads = threads}) {
    for (ss::index i = 0; i < of["matrices"]; ++i) model.parts.push_back(random_matrix(work, of["dim"], of["dim"]));
    gradients.emplace(model);
    std::fill(gradients->data(), gradients->data() + gradients->size(), 0.01f);
    for (auto& place : gradients->places()) place.written = true;
  }
};

work adamw(sizes_of_case const& of, ss::index threads) {
  auto const with = std::make_shared<optimized>(of, threads);
  return [=] { with->adam.step_(with->work, with->model, *with->gradients); };
}

}  // namespace

template <>
makers op_works<precision>() {
  return {{"gemm", layer},
          {"gemm_weight", layer_weight},
          {"attention_forward", attention_forward<false>},
          {"attention_masked", attention_forward<true>},
          {"attention_backward", attention_backward},
          {"elementwise_3_forward", elementwise_forward<three_operations>},
          {"elementwise_3_backward", elementwise_backward<three_operations>},
          {"elementwise_7_forward", elementwise_forward<seven_operations>},
          {"elementwise_7_backward", elementwise_backward<seven_operations>},
          {"adamw", adamw}};
}

}  // namespace compare
