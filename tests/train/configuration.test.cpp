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

TEST_CASE("train/configuration: differences are listed field by field") {
  ss::soundstorm_shape const a{.body = {.dim = 64, .depth = 2}}, b{.body = {.dim = 128, .depth = 4}};
  CHECK(shape_differences(a, a).empty());
  CHECK(shape_differences(a, b) == "dim = 64, the model has 128; depth = 2, the model has 4");
}
