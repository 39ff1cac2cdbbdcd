#include "spearstorm/soundstorm/state_dict.hpp"

#include <set>

#include "catch.hpp"
#include "policies.hpp"
#include "spearstorm/soundstorm/model.hpp"

using namespace test;
namespace storm = ss::soundstorm;

namespace {

using net_type = storm::model<ss::dynamic_soundstorm, fastest>;

ss::soundstorm_shape shape_of(storm::generation g) {
  ss::soundstorm_shape shape{.codebook_size = 9,
                             .num_quantizers = 3,
                             .body = {.dim = 16, .depth = 2, .dim_head = 8, .heads = 2, .ff_mult = 2, .conv_kernel_size = 3},
                             .grouped_quantizers = 2,
                             .num_semantic_token_ids = 5,
                             .self_cond = true,
                             .self_token_critic = true};
  shape.body.use_gateloop_layers = g != storm::generation::v0_6_1;
  shape.body.num_residual_streams = g == storm::generation::v0_6_1 ? 4 : 1;
  shape.body.values = g == storm::generation::v0_4_11  ? ss::value_residual::none
                      : g == storm::generation::v0_5_0 ? ss::value_residual::average
                                                       : ss::value_residual::learned;
  return shape;
}

std::vector<float> all_of(net_type const& model) {
  std::vector<float> values;
  ss::for_each_parameter(model, [&](std::string const&, auto const& p) {
    auto const host = p.to_host();
    values.insert(values.end(), host.begin(), host.end());
  });
  return values;
}

auto finder(storm::package_dict const& dict) {
  return [&dict](std::string const& key) { return dict.contains(key) ? &dict.at(key) : nullptr; };
}

}  // namespace

TEST_CASE("soundstorm/state_dict: keys and shapes of the three generations, by hand") {
  ss::workspace<fastest> work{{.seed = 1}};
  auto const dict = [&](storm::generation g) { return storm::to_package(net_type{work, shape_of(g)}, g); };
  auto const seed = dict(storm::generation::v0_4_11), newest = dict(storm::generation::v0_6_1);
  CHECK(seed.contains("net.conformer.layers.0.attn.fn.to_kv.weight"));
  CHECK(seed.at("net.conformer.layers.1.conv.ds_conv.conv.weight").shape == std::vector<ss::index>{32, 1, 3});
  CHECK(seed.at("net.conformer.layers.0.gateloop.to_qkva.0.weight").shape == std::vector<ss::index>{48, 16});
  CHECK(seed.at("net.to_logits.2.weight").shape == std::vector<ss::index>{6, 16, 9});
  CHECK(seed.at("net.embedding_proj.0.weight").shape == std::vector<ss::index>{16, 32});
  CHECK(seed.contains("semantic_token_emb.weight"));
  CHECK(seed.contains("token_critic.to_logits.bias"));
  CHECK(newest.contains("net.conformer.layers.0.ff1.branch.fn.fn.net.3.weight"));
  CHECK(newest.contains("net.conformer.layers.1.attn.branch.fn.to_value_residual_mix.0.weight"));
  CHECK_FALSE(newest.contains("net.conformer.layers.0.attn.branch.fn.to_value_residual_mix.0.weight"));  // the first block has none to mix
  CHECK(newest.at("net.conformer.layers.0.conv.dynamic_alpha_fn").shape == std::vector<ss::index>{16, 5});
  CHECK(newest.at("net.conformer.layers.0.conv.dynamic_alpha_scale").shape.empty());
}

TEST_CASE("soundstorm/state_dict: every number has one place, and the way back restores it") {
  for (auto g : {storm::generation::v0_4_11, storm::generation::v0_5_0, storm::generation::v0_6_1}) {
    INFO(storm::name_of(g));
    ss::workspace<fastest> work{{.seed = 2}};
    net_type const model{work, shape_of(g)};
    net_type other{work, shape_of(g)};
    CHECK(storm::generation_of(model.shape()) == g);
    CHECK(storm::generation_named(storm::name_of(g)) == g);
    auto const dict = storm::to_package(model, g);
    ss::index values = 0;
    for (auto const& [key, tensor] : dict) values += static_cast<ss::index>(tensor.values.size());
    CHECK(values == ss::parameter_count(model));
    CHECK(all_of(other) != all_of(model));
    storm::from_package_(other, g, finder(dict));
    CHECK(all_of(other) == all_of(model));
  }
}

TEST_CASE("soundstorm/state_dict: all differences are told at once, and nothing is read then") {
  auto const g = storm::generation::v0_4_11;
  ss::workspace<fastest> work{{.seed = 3}};
  net_type model{work, shape_of(g)};
  auto const before = all_of(model);
  auto dict = storm::to_package(model, g);
  for (auto& value : dict.at("net.code_embeds.weight").values) value += 1;
  dict.erase("net.heads.0.bias");
  dict.at("null_embed").shape = {8};
  CHECK_THROWS_WITH(storm::from_package_(model, g, finder(dict), {"net.code_embeds.weight", "net.other"}),
                    "from_package: the weights do not fit the model:\n"
                    "  net.heads.0.bias is missing, the model has (96)\n"
                    "  null_embed is (8), the model has (16)\n"
                    "  net.other is in the file, the model has no such tensor");
  CHECK(all_of(model) == before);
  CHECK_THROWS_WITH(storm::generation_named("1.0"), "generation_named: '1.0', expected 0.4.11, 0.5.0 or 0.6.1");
}
