#include "spearstorm/soundstorm/package_file.hpp"

#include "catch.hpp"
#include "policies.hpp"
#include "spearstorm/soundstorm/model.hpp"

using namespace test;
namespace storm = ss::soundstorm;
namespace fs = std::filesystem;

namespace {

using net_type = storm::model<ss::dynamic_soundstorm, fastest>;

struct folder {
  fs::path at = fs::temp_directory_path() / "spearstorm-package-file-test";
  folder() { fs::create_directories(at); }
  ~folder() { fs::remove_all(at); }
};

constexpr ss::soundstorm_shape shape{.codebook_size = 9,
                                     .num_quantizers = 3,
                                     .body = {.dim = 16,
                                              .depth = 2,
                                              .dim_head = 8,
                                              .heads = 2,
                                              .ff_mult = 2,
                                              .conv_kernel_size = 3,
                                              .num_residual_streams = 2,
                                              .values = ss::value_residual::learned},
                                     .num_semantic_token_ids = 5,
                                     .self_cond = true,
                                     .self_token_critic = true};
ss::soundstorm_options options() {
  return {.body = {},
          .rates = {.wav2vec_target_sample_hz = 16000,
                    .wav2vec_downsample_factor = 320,
                    .codec_target_sample_hz = 24000,
                    .codec_downsample_factor = 480,
                    .policy = storm::rate_policy::interpolate},
          .pad_id = -1};
}

std::vector<float> all_of(auto const& model) {
  std::vector<float> values;
  ss::for_each_parameter(model, [&](std::string const&, auto const& p) {
    auto const host = p.to_host();
    values.insert(values.end(), host.begin(), host.end());
  });
  return values;
}

}  // namespace

TEST_CASE("soundstorm/package_file: a file says what to build, and the weights come back bit for bit") {
  folder const temporary;
  auto const path = temporary.at / "model.safetensors";
  ss::workspace<fastest> work{{.seed = 1}};
  net_type const model{work, shape, options()};
  storm::save_package(path, model);
  auto const found = storm::read_package_configuration(path);
  CHECK(found.generation == storm::generation::v0_6_1);
  CHECK(found.shape == shape);
  CHECK(found.options.pad_id == -1);
  CHECK(found.options.rates.codec_downsample_factor == 480);
  CHECK(found.aliases.at("token_critic.net.code_embeds.weight") == "net.code_embeds.weight");  // stored once
  CHECK_FALSE(ss::io::safetensors_file(path).contains("token_critic.net.code_embeds.weight"));
  net_type other{work, found.shape, found.options};
  CHECK(all_of(other) != all_of(model));
  storm::load_package_(path, other);
  CHECK(all_of(other) == all_of(model));
}

TEST_CASE("soundstorm/package_file: a static model is checked, all differences are told, and nothing changes") {
  folder const temporary;
  auto const path = temporary.at / "model.safetensors";
  ss::workspace<fastest> work{{.seed = 2}};
  storm::save_package(path, net_type{work, shape, options()});
  constexpr auto wider = [] {
    auto made = shape;
    made.body.ff_mult = 3, made.self_cond = false;
    return made;
  }();
  storm::model<wider, fastest> model{work, wider, options()};
  auto const before = all_of(model);
  CHECK_THROWS_WITH(storm::load_package_(path, model),
                    Catch::Contains("does not fit the model:") && Catch::Contains("ff_mult") &&
                        Catch::Contains("net.conformer.layers.0.ff1.branch.fn.fn.net.0.weight is (32, 16), the model has (48, 16)") &&
                        Catch::Contains("net.conformer.layers.1.ff2.branch.fn.fn.net.3.weight is (16, 32), the model has (16, 48)") &&
                        Catch::Contains("unexpected: null_embed (16)"));
  CHECK(all_of(model) == before);
}

TEST_CASE("soundstorm/package_file: a static model that fits is loaded bit for bit") {
  folder const temporary;
  auto const path = temporary.at / "model.safetensors";
  ss::workspace<fastest> work{{.seed = 3}};
  net_type const written{work, shape, options()};
  storm::save_package(path, written);
  storm::model<shape, fastest> model{work, shape, options()};
  REQUIRE(all_of(model) != all_of(written));
  CHECK(storm::load_package_(path, model).shape == shape);
  CHECK(all_of(model) == all_of(written));
}

TEST_CASE("soundstorm/package_file: a file that is none of the converter's is named") {
  folder const temporary;
  auto const path = temporary.at / "other.safetensors";
  ss::io::safetensors_writer(path).commit();
  CHECK_THROWS_WITH(storm::read_package_configuration(path), Catch::Contains("other.safetensors"));
}
