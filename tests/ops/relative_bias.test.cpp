#include "spearstorm/ops/relative_bias.hpp"

#include "attention_golden.hpp"

using namespace test;
using namespace ss::axes;

TEST_CASE("ops/relative_bias: eight buckets, by hand") {
  // 4 buckets a side, distances 0 and 1 exact; ratio 16 / 2 = 8, so distance 2 ... 5 is bucket 2 (2 sqrt(8) = 5.66), from 6 on 3.
  ss::ops::relative_buckets const bucket(8, 16);
  std::vector<ss::index> found;
  for (ss::index offset = -7; offset <= 7; ++offset) found.push_back(bucket(offset));
  CHECK(found == std::vector<ss::index>{3, 3, 2, 2, 2, 2, 1, 0, 5, 6, 6, 6, 6, 7, 7});
  CHECK(bucket(-100000) == 3);
  CHECK(bucket(100000) == 7);

  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  ss::array<float, buckets<>, heads<>> weight({8, 2});
  for (ss::index i = 0; i < weight.size(); ++i) weight.data()[i] = static_cast<float>(i);
  auto const bias = ctx.download(ss::ops::relative_bias(ctx, ctx.upload(weight), 2, {.max_distance = 16, .scale = 10}));
  CHECK(bias == ss::array<float, heads<>, offsets<>>({2, 3}, {20, 0, 100, 30, 10, 110}));
}

TEST_CASE("ops/relative_bias: the buckets of soundstorm-pytorch for offsets -299 ... 299") {
  auto const expected = golden("op_t5_buckets").read_as<std::int32_t, rows<>>("output.buckets", {599});
  ss::ops::relative_buckets const bucket(32, 128);
  for (ss::index i = 0; i < 599; ++i) {
    INFO("offset " << i - 299);
    CHECK(bucket(i - 299) == expected.data()[i]);
  }
}

TEST_CASE("ops/relative_bias: values and gradient of soundstorm-pytorch") {
  golden const file("op_t5_bias");
  auto const y = file.read<rows<>>("output.y", {3 * 11 * 11}), dy = file.read<rows<>>("grad_out", {3 * 11 * 11});
  ss::workspace<fastest> work;
  ss::recording<fastest> ctx{work};
  auto const weight = ctx.leaf(ctx.upload(file.read<buckets<>, heads<>>("param.relative_attention_bias.weight", {32, 3})));
  auto const bias = ss::ops::relative_bias(ctx, weight, 11, {.scale = std::sqrt(6.)});
  auto const table = ctx.download(bias);
  ss::array<float, heads<>, offsets<>> seed({3, 21});  // the package's gradient, summed along diagonals
  std::vector<float> full;
  for (ss::index h = 0; h < 3; ++h)
    for (ss::index i = 0; i < 11; ++i)
      for (ss::index j = 0; j < 11; ++j) {
        full.push_back(table.data()[h * 21 + 10 + j - i]);
        seed.data()[h * 21 + 10 + j - i] += dy.data()[(h * 11 + i) * 11 + j];
      }
  check_golden("output", full, y);
  auto const loss = ss::ops::sum(ctx, bias * ctx.upload(seed));
  auto const g = ctx.gradients(loss);
  check_golden("gradient", ctx.download(g.of(weight)), file.read<buckets<>, heads<>>("grad.relative_attention_bias.weight", {32, 3}));
}

TEST_CASE("ops/relative_bias: all policies, gradients, threads, expressions") {
  auto const weight = random_array<buckets<>, heads<>>({8, 3}, 1);
  check_op([](auto& ctx, auto const& w) { return ss::ops::relative_bias(ctx, w, 13, {.max_distance = 11, .scale = 0.7}); }, weight);
  check_op([](auto& ctx, auto const& w) { return ss::ops::relative_bias(ctx, w, 1); }, weight);
}

TEST_CASE("ops/relative_bias: options out of range are named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const weight = ctx.upload(ss::array<float, buckets<>, heads<>>({32, 2}));
  CHECK_THROWS_WITH(ss::ops::relative_bias(ctx, weight, 0), "relative_bias: frames = 0, expected at least 1");
  CHECK_THROWS_WITH(ss::ops::relative_bias(ctx, weight, 3, {.max_distance = 8}),
                    "relative_bias: max_distance = 8, 32 buckets expect more than 8");
  auto const small = ctx.upload(ss::array<float, buckets<>, heads<>>({3, 2}));
  CHECK_THROWS_WITH(ss::ops::relative_bias(ctx, small, 3), "relative_bias: weight has buckets = 3, expected at least 4");
}
