#include "spearstorm/spear_tts/package_file.hpp"

#include "catch.hpp"
#include "policies.hpp"
#include "spearstorm/spear_tts/model.hpp"

using namespace test;
namespace tts = ss::spear_tts;
namespace fs = std::filesystem;

namespace {

using net_type = ss::text_to_semantic<ss::dynamic_text_to_semantic, fastest>;

struct folder {
  fs::path at = fs::temp_directory_path() / "spearstorm-spear-tts-package-file-test";
  fs::path path = at / "model.safetensors";
  folder() { fs::create_directories(at); }
  ~folder() { fs::remove_all(at); }
};

constexpr ss::text_to_semantic_shape shape{.dim = 12,
                                           .source_depth = 2,
                                           .target_depth = 2,
                                           .num_text_token_ids = 7,
                                           .num_semantic_token_ids = 5,
                                           .dim_head = 8,
                                           .heads = 4,
                                           .target_kv_heads = 2,
                                           .ff_mult = 2,
                                           .autoset_text_eos_id = false,
                                           .target_early_exit_layer = 1,
                                           .semantic_mask_token = true};
constexpr ss::text_to_semantic_options options{.ff_dropout = 0.25, .cond_drop_prob = 0.5, .detach_early_exit_embed = true};

std::vector<float> all_of(net_type const& model) {
  std::vector<float> values;
  ss::for_each_parameter(model, [&](std::string const&, auto const& p) {
    auto const host = p.to_host();
    values.insert(values.end(), host.begin(), host.end());
  });
  return values;
}

/// Writes a file again, its metadata and tensors changed by `change(about, name, bytes)`.
template <class Change>
void rewrite(fs::path const& path, Change const& change) {
  ss::io::safetensors_file const file(path);
  auto about = ss::io::parse_json(file.metadata().at("spearstorm"), "test");
  std::map<std::string, std::vector<std::byte>> kept;
  for (auto const& info : file.infos()) kept[info.name] = file.bytes(info.name), change(about, info.name, kept[info.name]);
  ss::io::safetensors_writer writer(path);
  writer.metadata("spearstorm", about.dump());
  for (auto const& info : file.infos()) writer.add(info.name, info.dtype, info.shape, kept[info.name]);
  writer.commit();
}

constexpr char frequencies[] = "target_transformer.layers.0.0.rotary_emb.freqs";

}  // namespace

TEST_CASE("spear_tts/package_file: a file says what to build, and the weights come back bit for bit") {
  folder const temporary;
  ss::workspace<fastest> work{{.seed = 1}};
  net_type const model{work, shape, options};
  tts::save_package(temporary.path, model);
  CHECK(ss::io::read_package_about(temporary.path).model == "text_to_semantic");
  auto const found = tts::read_package_configuration(temporary.path);
  CHECK(found.shape == shape);
  CHECK(found.options.ff_dropout == 0.25);
  CHECK(found.options.cond_drop_prob == 0.5);
  CHECK(found.options.detach_early_exit_embed);
  CHECK(found.aliases.at("to_logits.text.weight") == "token_emb.text.weight");  // stored once
  CHECK(found.aliases.at("target_transformer.layers.1.0.rotary_emb.freqs") == frequencies);
  ss::io::safetensors_file const file(temporary.path);
  CHECK_FALSE(file.contains("to_logits.text.weight"));
  std::vector<float> rates(4);
  file.read<float>(frequencies, rates);
  CHECK(rates == std::vector<float>{1.0f, 0.1f, 0.01f, 0.001f});  // 10000^(-2 i / 8)
  net_type other{work, found.shape, found.options};
  CHECK(all_of(other) != all_of(model));
  tts::load_package_(temporary.path, other);
  CHECK(all_of(other) == all_of(model));
}

TEST_CASE("spear_tts/package_file: what is not the model's comes from the file that the model was built of") {
  folder const temporary;
  ss::workspace<fastest> work{{.seed = 2}};
  net_type const model{work, shape, options};
  tts::save_package(temporary.path, model);
  rewrite(temporary.path, [](auto& about, std::string const& name, auto& bytes) {
    about["configuration"]["text_pad_id"] = 3;
    if (name == frequencies) bytes[4] = std::byte(static_cast<unsigned>(bytes[4]) ^ 1u);  // another machine's rounding
  });
  auto const again = temporary.at / "again.safetensors";
  tts::save_package(again, model, {.from = temporary.path});
  CHECK(tts::read_package_configuration(again).arguments["text_pad_id"] == 3);
  ss::io::safetensors_file const before(temporary.path), after(again);
  CHECK(before.infos().size() == after.infos().size());
  for (auto const& info : before.infos()) CHECK(before.bytes(info.name) == after.bytes(info.name));
}

TEST_CASE("spear_tts/package_file: all differences are told, and nothing changes") {
  folder const temporary;
  ss::workspace<fastest> work{{.seed = 3}};
  tts::save_package(temporary.path, net_type{work, shape, options});
  auto wider = shape;
  wider.heads = 2, wider.dim_head = 16;  // of the same products
  wider.ff_mult = 3;
  wider.target_kv_heads = 1;
  wider.target_early_exit_layer = 0;
  wider.semantic_mask_token = false;
  net_type model{work, wider, options};
  auto const values = all_of(model);
  CHECK_THROWS_WITH(tts::load_package_(temporary.path, model),
                    Catch::Contains("does not fit the model:") && Catch::Contains("heads is 4, the model has 2") &&
                        Catch::Contains("target_early_exit_layer is 1, the model has null") &&
                        Catch::Contains("source_transformer.layers.0.2.1.weight is (32, 12), the model has (48, 12)") &&
                        Catch::Contains("unexpected: to_early_exit_semantic_logits.1.gamma (12)") &&
                        Catch::Contains("unexpected: semantic_mask_token (12)"));
  CHECK(all_of(model) == values);

  rewrite(temporary.path, [](auto&, std::string const& name, auto& bytes) {
    float const trained = 1.01f;
    if (name == frequencies) std::memcpy(bytes.data(), &trained, sizeof trained);
  });
  net_type same{work, shape, options};
  CHECK_THROWS_WITH(tts::load_package_(temporary.path, same),
                    Catch::Contains(std::string(frequencies) + "[0] is 1.01, the model has the constant 1"));
}

TEST_CASE("spear_tts/package_file: as many key heads as heads is the same, given or left out") {
  folder const temporary;
  ss::workspace<fastest> work{{.seed = 4}};
  auto given = shape, left = shape;
  given.target_kv_heads = 4, left.target_kv_heads = 0;
  net_type const model{work, left, options};
  tts::save_package(temporary.path, model);
  net_type other{work, given, options};
  tts::load_package_(temporary.path, other);
  CHECK(all_of(other) == all_of(model));
}

TEST_CASE("spear_tts/package_file: another model's file, version and sizes are named") {
  folder const temporary;
  ss::workspace<fastest> work{{.seed = 5}};
  auto const refused = [&](auto const& change) {
    tts::save_package(temporary.path, net_type{work, shape, options});
    rewrite(temporary.path, [&](auto& about, auto const&, auto&) { change(about); });
    std::string told;
    try {
      tts::read_package_configuration(temporary.path);
    } catch (ss::format_error const& error) {
      told = error.what();
    }
    return told;
  };
  CHECK_THAT(refused([](auto& about) { about.erase("model"); }), Catch::Contains("model is 'soundstorm', expected 'text_to_semantic'"));
  CHECK_THAT(refused([](auto& about) { about["generation"] = "0.1.0"; }), Catch::Contains("generation is 0.1.0, expected 0.4.8"));
  CHECK_THAT(refused([](auto& about) { about["configuration"]["heads"] = "four"; }),
             Catch::Contains("'heads' is \"four\", expected a whole"));
  CHECK_THAT(refused([](auto& about) { about["configuration"].erase("dim"); }),
             Catch::Contains("'dim' is missing, expected a whole number"));
}
