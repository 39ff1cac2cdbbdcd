// Norms, activations and gates that a product makes as it reads them: what the stored ones give, to the bit, and less memory.
#include "spearstorm/ops/made_rows.hpp"

#include <vector>

#include "check_op.hpp"
#include "layer.hpp"
#include "spearstorm/ops/activated_rows.hpp"
#include "spearstorm/ops/channel_norm.hpp"
#include "spearstorm/ops/gated_linear.hpp"
#include "spearstorm/ops/rms_norm.hpp"

using namespace test;
using namespace ss::axes;

namespace {

/// Of a float policy: a product of made rows against one of stored rows, values and gradients of all inputs.
template <class Exec, class Made, class Stored, class... Arrays>
void check_same(Made const& made, Stored const& stored, Arrays const&... inputs) {
  for (ss::index threads : {1, 3}) {
    ss::workspace_options const options{.seed = 7, .threads = threads};
    CHECK(test::detail::run<Exec>(made, options, inputs...) == test::detail::run<Exec>(stored, options, inputs...));
  }
  auto const infer = [&](auto const& f) {
    ss::workspace<Exec> work{{.seed = 7, .threads = 2}};
    ss::inference<Exec> ctx{work};
    return ctx.download(f(ctx, ctx.upload(inputs)...));
  };
  CHECK(infer(made) == infer(stored));
}

template <class F>
void with_float_policies(F const& f) {
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec> exec, char const* name) {
    INFO(name);
    f(exec);
  });
#if defined(SPEARSTORM_HAVE_EIGEN) && defined(SPEARSTORM_HAVE_XSIMD)
  INFO("simd, bf16_mixed");
  f(std::type_identity<ss::cpu::simd<ss::bf16_mixed>>{});
#endif
}

}  // namespace

TEST_CASE("ops/made_rows: a layer norm, for few rows and for many") {
  for (ss::index rows_of : {1, 5, 150}) {
    auto const x = random_array<batch<>, frames<>, dim<>>({1, rows_of, 37}, 1);
    auto const gamma = random_array<dim<>>({37}, 2), beta = random_array<dim<>>({37}, 3);
    auto const w = random_array<out<>, in<>>({130, 37}, 4);
    auto const b = random_array<out<>>({130}, 5);
    with_float_policies([&]<class Exec>(std::type_identity<Exec>) {
      check_same<Exec>([](auto& ctx, auto const& of, auto const& g, auto const& s, auto const& m,
                          auto const& v) { return ss::ops::linear(ctx, ss::ops::layer_norm_rows(ctx, of, g, s), m, v, ss::silu); },
                       [](auto& ctx, auto const& of, auto const& g, auto const& s, auto const& m, auto const& v) {
                         return ss::ops::linear(ctx, ss::ops::layer_norm(ctx, of, g, s), m, v, ss::silu);
                       },
                       x, gamma, beta, w, b);
    });
  }
}

TEST_CASE("ops/made_rows: a channel norm, some of whose rows are clamped, and an RMS norm with an offset") {
  auto x = random_array<rows<>, dim<>>({60, 20}, 1);
  for (ss::index i = 0; i < 20; ++i) x.data()[i] = 0.5, x.data()[20 + i] *= 1e-5;  // no variance; less than eps
  auto const gamma = random_array<dim<>>({20}, 2);
  auto const w = random_array<out<>, in<>>({7, 20}, 3);
  with_float_policies([&]<class Exec>(std::type_identity<Exec>) {
    check_same<Exec>(
        [](auto& ctx, auto const& of, auto const& g, auto const& m) {
          return ss::ops::linear(ctx, ss::ops::channel_norm_rows(ctx, of, g), m);
        },
        [](auto& ctx, auto const& of, auto const& g, auto const& m) { return ss::ops::linear(ctx, ss::ops::channel_norm(ctx, of, g), m); },
        x, gamma, w);
    check_same<Exec>([](auto& ctx, auto const& of, auto const& g,
                        auto const& m) { return ss::ops::linear(ctx, ss::ops::rms_norm_rows(ctx, of, g, {.offset = 1, .eps = 1e-3}), m); },
                     [](auto& ctx, auto const& of, auto const& g, auto const& m) {
                       return ss::ops::linear(ctx, ss::ops::rms_norm(ctx, of, g, {.offset = 1, .eps = 1e-3}), m);
                     },
                     x, gamma, w);
  });
}

TEST_CASE("ops/made_rows: what stands behind an activation or a gate, with and without biases") {
  auto const x = random_array<rows<>, dim<>>({70, 9}, 1);
  auto const w1 = random_array<out<>, in<>>({33, 9}, 2), w2 = random_array<out<>, in<>>({33, 9}, 3);
  auto const b1 = random_array<out<>>({33}, 4), b2 = random_array<out<>>({33}, 5);
  auto const w3 = random_array<out<>, in<>>({6, 33}, 6);
  with_float_policies([&]<class Exec>(std::type_identity<Exec>) {
    check_same<Exec>([](auto& ctx, auto const& of, auto const& v, auto const& b,
                        auto const& m) { return ss::ops::linear(ctx, ss::ops::linear_rows(ctx, of, v, b, ss::silu), m); },
                     [](auto& ctx, auto const& of, auto const& v, auto const& b, auto const& m) {
                       return ss::ops::linear(ctx, ss::ops::linear(ctx, of, v, b, ss::silu), m);
                     },
                     x, w1, b1, w3);
    check_same<Exec>([](auto& ctx, auto const& of, auto const& v,
                        auto const& m) { return ss::ops::linear(ctx, ss::ops::linear_rows(ctx, of, v, ss::gelu), m); },
                     [](auto& ctx, auto const& of, auto const& v, auto const& m) {
                       return ss::ops::linear(ctx, ss::ops::linear(ctx, of, v, ss::gelu), m);
                     },
                     x, w1, w3);
    check_same<Exec>(
        [](auto& ctx, auto const& of, auto const& v1, auto const& s1, auto const& v2, auto const& s2, auto const& m) {
          return ss::ops::linear(ctx, ss::ops::gated_linear_rows(ctx, of, layer{v1, s1}, layer{v2, s2}, ss::gelu), m);
        },
        [](auto& ctx, auto const& of, auto const& v1, auto const& s1, auto const& v2, auto const& s2, auto const& m) {
          return ss::ops::linear(ctx, ss::ops::gated_linear(ctx, of, layer{v1, s1}, layer{v2, s2}, ss::gelu), m);
        },
        x, w1, b1, w2, b2, w3);
  });
}

TEST_CASE("ops/made_rows: several products read the same rows, and their gradients meet") {
  auto const x = random_array<rows<>, dim<>>({50, 8}, 1);
  auto const gamma = random_array<dim<>>({8}, 2), beta = random_array<dim<>>({8}, 3);
  auto const w1 = random_array<out<>, in<>>({5, 8}, 4), w2 = random_array<out<>, in<>>({5, 8}, 5);
  check_op(
      [](auto& ctx, auto const& of, auto const& g, auto const& s, auto const& v1, auto const& v2) {
        auto const n = ss::ops::layer_norm_rows(ctx, of, g, s);
        return ctx.eval(ss::ops::linear(ctx, n, v1) * ss::ops::linear(ctx, n, v2));
      },
      random_array<rows<>, dim<>>({4, 8}, 1), gamma, beta, w1, w2);
  with_float_policies([&]<class Exec>(std::type_identity<Exec>) {
    auto const both = [](auto norm) {
      return [norm](auto& ctx, auto const& of, auto const& g, auto const& s, auto const& v1, auto const& v2) {
        auto const n = norm(ctx, of, g, s);
        auto const first = ss::ops::linear(ctx, n, v1), second = ss::ops::linear(ctx, n, v2);
        return ctx.eval(first * second);
      };
    };
    check_same<Exec>(both([](auto& ctx, auto const&... of) { return ss::ops::layer_norm_rows(ctx, of...); }),
                     both([](auto& ctx, auto const&... of) { return ss::ops::layer_norm(ctx, of...); }), x, gamma, beta, w1, w2);
  });
}

#if defined(SPEARSTORM_HAVE_EIGEN) && defined(SPEARSTORM_HAVE_XSIMD)

TEST_CASE("ops/made_rows: nothing of them is stored") {
  ss::workspace<fastest> work;
  ss::recording<fastest> ctx{work};
  auto const x = ctx.leaf(ctx.upload(random_array<rows<>, dim<>>({100, 64}, 1)));
  auto const one = ctx.upload(random_array<dim<>>({64}, 2));
  auto const frozen = ctx.upload(random_array<out<>, in<>>({64, 64}, 3));
  auto const before = work.values().in_use();
  auto const n = ss::ops::layer_norm_rows(ctx, x, one, one);
  CHECK(work.values().in_use() - before < 1200);  // two numbers a row
  CHECK(n.rows() == 100);
  CHECK(n.node() != x.node());
  auto const h = ss::ops::linear_rows(ctx, n, frozen, ss::silu);
  CHECK(work.values().in_use() - before < 1200 + 4 * 6400 + 64);  // what stands before the activation
  auto const y = ss::ops::linear(ctx, h, frozen);
  CHECK(ctx.gradients(ss::ops::sum(ctx, y)).of(x).size() == x.size());
}

TEST_CASE("ops/made_rows: rows of a context that has ended are refused") {
  ss::workspace<fastest> work;
  auto const rows_of = [&] {
    ss::inference<fastest> ctx{work};
    auto const one = ctx.upload(random_array<dim<>>({4}, 2));
    return ss::ops::layer_norm_rows(ctx, ctx.upload(random_array<rows<>, dim<>>({2, 4}, 1)), one, one);
  }();
  ss::inference<fastest> ctx{work};
  CHECK_THROWS_AS(ss::ops::linear(ctx, rows_of, ctx.upload(random_array<out<>, in<>>({3, 4}, 3))), ss::stale_tensor);
}

#endif
