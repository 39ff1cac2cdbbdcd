#include "spearstorm/nn/recompute_block.hpp"

#include "check_op.hpp"
#include "spearstorm/nn/conformer.hpp"
#include "spearstorm/nn/transformer.hpp"

using namespace test;
using namespace ss::axes;

using exec = ss::cpu::scalar<ss::f64>;
using features = ss::array<double, batch<>, frames<>, dim<>>;

namespace {

/// What a trunk computes, and the memory that a step of it took.
struct step {
  std::vector<double> numbers;
  std::size_t high_water;
};

/// Output, gradient of the input and of every parameter.
/// @param call (ctx, trunk, x) -> y
template <class Trunk, class Shape, class Options, class F>
step run(Shape const& shape, Options const& options, F const& call) {
  ss::workspace<exec> work{{.seed = 5}};
  Trunk const trunk{work, shape, options};
  ss::recording<exec> ctx{work, {.stochastic = true}};
  auto const x = ctx.leaf(ctx.upload(random_array<batch<>, frames<>, dim<>>({2, 9, shape.dim}, 1)));
  auto const y = call(ctx, trunk, x);
  auto g = ctx.gradients(ss::ops::sum(ctx, y * ctx.upload(random_array<batch<>, frames<>, dim<>>({2, 9, shape.dim}, 2))));
  step made{{}, work.values().high_water()};
  auto const add = [&](auto const& host) { made.numbers.insert(made.numbers.end(), host.begin(), host.end()); };
  add(ctx.download(y));
  add(ctx.download(g.of(x)));
  ss::for_each_parameter(trunk, [&](std::string const& name, auto const& p) {
    INFO(name);
    REQUIRE(g.of(p) != nullptr);
    add(g.to_host(p));
  });
  return made;
}

ss::array<ss::flag, batch<>, frames<>> second_row_shorter(ss::index length) {
  ss::array<ss::flag, batch<>, frames<>> mask({2, length}, 1);
  mask(1, length - 1) = mask(1, length - 2) = 0;
  return mask;
}

/// The same numbers, kept and computed again, and less memory.
void same_with_less(step const& kept, step const& again) {
  test::detail::compare("recomputed", again.numbers, kept.numbers, {1e-10, 1e-10});
  CHECK(again.high_water * 10 < kept.high_water * 8);
}

void check_conformer(ss::conformer_shape const& shape, bool masked) {
  auto const with = [&](bool recompute) {
    ss::conformer_options const options{.attn_dropout = 0.2, .ff_dropout = 0.1, .conv_dropout = 0.3, .recompute = recompute};
    return run<ss::conformer<ss::dynamic_conformer, exec>>(shape, options, [&](auto& ctx, auto const& trunk, auto const& x) {
      ss::ops::frame_mask mask;
      if (masked) mask = ctx.upload(second_row_shorter(9));
      return trunk(ctx, x, mask);
    });
  };
  same_with_less(with(false), with(true));
}

constexpr ss::conformer_shape small{.dim = 8, .depth = 4, .dim_head = 4, .heads = 2, .ff_mult = 2, .conv_kernel_size = 3};

}  // namespace

TEST_CASE("nn/recompute_block: a conformer gives the same numbers, dropout included, with less memory") {
  auto shape = small;
  SECTION("plain") { check_conformer(shape, false); }
  SECTION("a mask, and values of the first block in all others") {
    shape.values = ss::value_residual::learned;
    check_conformer(shape, true);
  }
  SECTION("a relative bias") {
    shape.t5_rel_pos_bias = true;
    check_conformer(shape, true);
  }
  SECTION("hyper-connections") {
    shape.num_residual_streams = 2;
    shape.values = ss::value_residual::average;
    check_conformer(shape, true);
  }
}

TEST_CASE("nn/recompute_block: a transformer with and without a context") {
  constexpr ss::transformer_shape dynamic_shape{.dim = ss::dynamic,
                                                .depth = ss::dynamic,
                                                .dim_head = ss::dynamic,
                                                .heads = ss::dynamic,
                                                .kv_heads = ss::dynamic,
                                                .ff_mult = ss::dynamic};
  ss::transformer_shape shape{.dim = 8, .depth = 4, .dim_head = 4, .heads = 2, .kv_heads = 1, .ff_mult = 2};
  bool const crossed = GENERATE(false, true);
  shape.cross_attend = crossed;
  auto const with = [&](bool recompute) {
    ss::transformer_options const options{.attn_dropout = 0.2, .ff_dropout = 0.1, .recompute = recompute};
    return run<ss::transformer<dynamic_shape, exec>>(shape, options, [&](auto& ctx, auto const& trunk, auto const& x) {
      ss::ops::frame_mask const mask = ctx.upload(second_row_shorter(9));
      if (!crossed) return trunk(ctx, x, mask);
      auto const context = ctx.upload(random_array<batch<>, frames<>, dim<>>({2, 5, 8}, 3));
      ss::ops::frame_mask const seen = ctx.upload(second_row_shorter(6));
      return trunk(ctx, x, mask, context, seen);
    });
  };
  same_with_less(with(false), with(true));
}
