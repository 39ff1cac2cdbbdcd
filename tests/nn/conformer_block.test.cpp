#include "spearstorm/nn/conformer_block.hpp"

#include "check_op.hpp"
#include "golden_model.hpp"
#include "spearstorm/ops/relative_bias.hpp"

using namespace test;
using namespace ss::axes;

namespace {

/// Runs a block with a golden file's parameters and compares output, input gradient and parameter gradients.
/// One dynamic block serves all shapes: each instantiation costs seconds of compile time.
void compare_with_package(std::string const& name, ss::conformer_shape const& shape, bool masked, std::string const& prefix = "") {
  golden_model const file(name);
  golden_model const parameters(masked ? "conformer_block_rotary" : name);
  auto const within = ss::tolerance_of<float>(ss::computed::whole_model);
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* policy) {
    INFO(name << " on " << policy);
    ss::workspace<Exec> work;
    ss::nn::conformer_block<ss::dynamic_conformer, Exec> block{work, shape};
    parameters.load(block, prefix);
    std::optional<ss::parameter<Exec, buckets<32>, heads<>>> bias;
    if (shape.t5_rel_pos_bias) {
      bias.emplace(work, ss::sizes<2>{32, shape.heads}, ss::initialiser::zeros());
      bias->assign_(file.get<float, buckets<>, heads<>>("param.rel_pos_bias.relative_attention_bias.weight").values());
    }

    ss::recording<Exec> ctx{work};
    auto const x = ctx.leaf(ctx.upload(file.get<float, batch<>, frames<>, dim<>>("input.x")));
    ss::ops::frame_mask mask;
    if (masked) mask = ctx.upload(file.get<ss::flag, batch<>, frames<>>("input.mask"));
    auto const y = [&] {
      if (!bias) return block(ctx, x, mask);
      auto const table = ss::ops::relative_bias(ctx, *bias, x.extent(1), {.max_distance = 128, .scale = std::sqrt(double(shape.dim_head))});
      return block(ctx, x, mask, table);
    }();
    auto const upstream = ctx.upload(file.get<float, batch<>, frames<>, dim<>>("grad_out"));
    auto g = ctx.gradients(ss::ops::sum(ctx, y * upstream));

    test::detail::compare("output", flat(ctx.download(y)), flat(file.tensor("output.y").values), within);
    test::detail::compare("input gradient", flat(ctx.download(g.of(x))), flat(file.tensor("grad_in.x").values), within);
    compare_gradients(block, g, file, prefix);
    if (bias)
      test::detail::compare("gradient of the bias", flat(g.to_host(*bias)),
                            flat(file.tensor("grad.rel_pos_bias.relative_attention_bias.weight").values), within);
  });
}

constexpr ss::conformer_shape rotary{.dim = 20, .depth = 1, .dim_head = 6, .heads = 3, .ff_mult = 2, .conv_kernel_size = 5};

}  // namespace

TEST_CASE("nn/conformer_block: output and gradients equal soundstorm-pytorch 0.4.11") {
  SECTION("rotary") { compare_with_package("conformer_block_rotary", rotary, false); }
  SECTION("padded frames") { compare_with_package("conformer_block_mask", rotary, true); }
  constexpr ss::conformer_shape even{.dim = 9, .depth = 1, .dim_head = 4, .heads = 3, .ff_mult = 2, .conv_kernel_size = 4};
  SECTION("causal convolution, even kernel") {
    auto shape = even;
    shape.conv_causal = true;
    compare_with_package("conformer_block_causal", shape, false);
  }
  SECTION("T5 bias, even kernel") {
    auto shape = even;
    shape.t5_rel_pos_bias = true;
    compare_with_package("conformer_block_t5", shape, false, "block.");
  }
}

TEST_CASE("nn/conformer_block: a dynamic block gives the static one's bits") {
  auto const x = random_array<batch<>, frames<>, dim<>>({2, 7, 20}, 3);
  auto const run = [&]<ss::conformer_shape C>() {
    ss::workspace<fastest> work{{.seed = 5}};
    ss::nn::conformer_block<C, fastest> block{work, rotary};
    ss::inference<fastest> ctx{work};
    return ctx.download(block(ctx, ss::view<batch<>, frames<>, dim<C.dim>>(ctx.upload(x))));
  };
  auto const fixed = run.operator()<rotary>();
  auto const open = run.operator()<ss::dynamic_conformer>();
  CHECK(std::equal(fixed.begin(), fixed.end(), open.begin(), open.end()));
}

TEST_CASE("nn/conformer_block: an odd head under rotary is named") {
  ss::workspace<fastest> work;
  CHECK_THROWS_WITH(ss::nn::resolve(ss::dynamic_conformer, {.dim = 8, .dim_head = 5}),
                    "conformer: dim_head = 5, rotary expects an even one");
}
