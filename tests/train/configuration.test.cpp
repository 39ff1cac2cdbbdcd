#include "spearstorm/train/configuration.hpp"

#include "io/scratch.hpp"

namespace ss = spearstorm;
using namespace ss::train;
using namespace test_io;

TEST_CASE("train/configuration: a shape reads back as it was, and bad ones are named") {
  ss::soundstorm_shape const shape{.codebook_size = 256, .num_quantizers = 4, .body = {.dim = 96, .t5_rel_pos_bias = true}};
  auto const json = to_json(shape);
  CHECK(json["dim"] == 96);
  CHECK(json["t5_rel_pos_bias"] == true);
  CHECK(soundstorm_shape_of(json, "a: ") == shape);

  auto const refused = [&](char const* key, ss::io::json const& value) {
    auto bad = json;
    if (value.is_null())
      bad.erase(key);
    else
      bad[key] = value;
    return what_of<ss::format_error>([&] { soundstorm_shape_of(bad, "a: "); });
  };
  CHECK(refused("dim", nullptr) == "a: shape field 'dim' is missing, expected a whole number");
  CHECK(refused("dim", 1.5) == "a: shape field 'dim' is 1.5, expected a whole number");
  CHECK(refused("conv_causal", 1) == "a: shape field 'conv_causal' is 1, expected true or false");
  CHECK(refused("width", 1) == "a: shape field 'width' is unknown");
  CHECK(what_of<ss::format_error>([] { soundstorm_shape_of(3, "a: "); }) == "a: the shape is number, expected an object");
}

TEST_CASE("train/configuration: every later field is kept, and has its default where an older file lacks it") {
  ss::soundstorm_shape const shape{.body = {.use_gateloop_layers = true, .num_residual_streams = 4, .values = ss::value_residual::learned},
                                   .grouped_quantizers = 2,
                                   .num_semantic_token_ids = 200,
                                   .semantic_dim = 48,
                                   .self_cond = true,
                                   .self_token_critic = true};
  auto json = to_json(shape);
  CHECK(json["values"] == "learned");
  CHECK(json["num_residual_streams"] == 4);
  CHECK(json.size() == 19);
  CHECK(soundstorm_shape_of(json, "a: ") == shape);
  for (char const* later : {"use_gateloop_layers", "num_residual_streams", "values", "grouped_quantizers", "num_semantic_token_ids",
                            "semantic_dim", "self_cond", "self_token_critic"})
    json.erase(later);
  CHECK(soundstorm_shape_of(json, "a: ") == ss::soundstorm_shape{});
  json["values"] = "mean";
  CHECK(what_of<ss::format_error>([&] { soundstorm_shape_of(json, "a: "); }) ==
        "a: shape field 'values' is \"mean\", expected one of none average learned");
}

TEST_CASE("train/configuration: rates read back as they were") {
  ss::soundstorm::semantic_rates const rates{.wav2vec_target_sample_hz = 16000,
                                             .wav2vec_downsample_factor = 320,
                                             .codec_target_sample_hz = 24000,
                                             .codec_downsample_factor = 480,
                                             .policy = ss::soundstorm::rate_policy::nearest,
                                             .max_misfit = 0.25};
  auto json = to_json(rates);
  CHECK(json["policy"] == "nearest");
  auto const again = semantic_rates_of(json, "a: ");
  CHECK(to_json(again) == json);
  CHECK(again.policy == rates.policy);
  CHECK(again.codec_downsample_factor == 480);
  CHECK(again.max_misfit == 0.25);
  json["max_misfit"] = "much";
  CHECK(what_of<ss::format_error>([&] { semantic_rates_of(json, "a: "); }) ==
        "a: semantic_rates field 'max_misfit' is \"much\", expected a number");
  json.erase("policy");
  CHECK(what_of<ss::format_error>([&] { semantic_rates_of(json, "a: "); }) ==
        "a: semantic_rates field 'policy' is missing, expected one of repeat interpolate nearest");
}

TEST_CASE("train/configuration: differences are listed field by field") {
  ss::soundstorm_shape const a{.body = {.dim = 64, .depth = 2}}, b{.body = {.dim = 128, .depth = 4}};
  CHECK(shape_differences(a, a).empty());
  CHECK(shape_differences(a, b) == "dim = 64, the model has 128; depth = 2, the model has 4");
}
