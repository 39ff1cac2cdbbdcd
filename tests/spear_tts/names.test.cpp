#include "spearstorm/spear_tts/names.hpp"

#include "catch.hpp"
#include "policies.hpp"

using namespace test;
namespace tts = ss::spear_tts;

namespace {

using sizes = std::vector<ss::index>;

/// "key shape part/parts" of a path.
std::string placed(std::string const& path, sizes const& shape) {
  auto const place = tts::place_of(path, shape);
  std::string text = place.key;
  for (auto size : place.shape) text += " " + std::to_string(size);
  if (place.parts > 1) text += " " + std::to_string(place.part) + "/" + std::to_string(place.parts);
  return text;
}

}  // namespace

TEST_CASE("spear_tts/names: keys and shapes of spear-tts-pytorch, by hand") {
  CHECK(placed("semantic_token_emb", {6, 12}) == "token_emb.speech.weight 6 12");
  CHECK(placed("text_token_emb", {8, 12}) == "token_emb.text.weight 8 12");
  CHECK(placed("semantic_start_token", {12}) == "start_token.speech 12");
  CHECK(placed("text_start_token", {12}) == "start_token.text 12");
  std::string const source = "source_transformer.layers.3.", target = "target_transformer.layers.11.";
  CHECK(placed(source + "attn.norm.gamma", {12}) == source + "0.norm.gamma 12");
  CHECK(placed(source + "attn.to_q.weight", {32, 12}) == source + "0.to_q.0.weight 32 12");
  CHECK(placed(target + "attn.to_k.weight", {16, 12}) == target + "0.to_kv.0.weight 32 12 0/2");
  CHECK(placed(target + "attn.to_v.weight", {16, 12}) == target + "0.to_kv.0.weight 32 12 1/2");
  CHECK(placed(target + "cross_attn.to_q.weight", {32, 12}) == target + "1.to_q.0.weight 32 12");
  CHECK(placed(target + "cross_attn.to_out.weight", {12, 32}) == target + "1.to_out.weight 12 32");
  CHECK(placed(target + "cross_attn.null_k", {4, 8}) == target + "1.null_kv 2 4 1 8 0/2");
  CHECK(placed(target + "cross_attn.null_v", {4, 8}) == target + "1.null_kv 2 4 1 8 1/2");
  CHECK(placed(source + "ff.norm.gamma", {12}) == source + "2.0.gamma 12");
  CHECK(placed(source + "ff.value.weight", {32, 12}) == source + "2.1.weight 64 12 0/2");
  CHECK(placed(source + "ff.gate.bias", {32}) == source + "2.1.bias 64 1/2");
  CHECK(placed(source + "ff.out.bias", {12}) == source + "2.4.bias 12");
  CHECK(placed("target_transformer.final_norm.gamma", {12}) == "target_transformer.final_norm.gamma 12");
  CHECK(placed("early_exit.ff.gate.weight", {32, 12}) == "to_early_exit_semantic_logits.0.fn.1.weight 64 12 1/2");
  CHECK(placed("early_exit.norm.gamma", {12}) == "to_early_exit_semantic_logits.1.gamma 12");
  CHECK(placed("early_exit.to_logits.weight", {6, 12}) == "to_early_exit_semantic_logits.2.weight 6 12");
}

TEST_CASE("spear_tts/names: a transformer or a layer alone, and a path that is none") {
  CHECK(placed("layers.0.cross_attn.to_k.weight", {32, 12}) == "layers.0.1.to_kv.0.weight 64 12 0/2");
  CHECK(placed("attn.to_k.weight", {16, 12}) == "0.to_kv.0.weight 32 12 0/2");
  CHECK(placed("cross_attn.to_k.weight", {16, 12}) == "1.to_kv.0.weight 32 12 0/2");
  CHECK(placed("final_norm.gamma", {12}) == "final_norm.gamma 12");
  CHECK(placed("ff.out.weight", {12, 32}) == "2.4.weight 12 32");
  for (std::string const path : {"source_transformer.layers.0.conv.weight", "source_transformer.layers.0", "early_exit.gamma"})
    CHECK_THROWS_WITH(placed(path, {12}), "place_of: spear-tts-pytorch 0.4.8 has no tensor for " + path);
}
