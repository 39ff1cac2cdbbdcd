#include "spearstorm/io/package_file.hpp"

#include "io/package_model.hpp"

using namespace test_io;
namespace io = ss::io;

namespace {

io::package_about about() { return {.model = "maps", .generation = "1.0", .configuration = {{"dim", 3}}}; }

template <class Model>
void load(std::filesystem::path const& path, Model& model, std::string const& different = "") {
  io::safetensors_file const file(path);
  io::load_package_(path, file, model, map_contents{}, different);
}

std::string told_by(std::filesystem::path const& path, io::json const& metadata) {
  io::safetensors_writer writer(path);
  if (!metadata.is_null()) writer.metadata("spearstorm", metadata.dump());
  writer.commit();
  try {
    io::detail::read_package_about(io::safetensors_file(path), "maps", "here: ");
  } catch (ss::format_error const& error) {
    return error.what();
  }
  return "nothing";
}

}  // namespace

TEST_CASE("io/package_file: what is written comes back, with constants and aliases") {
  scratch folder;
  ss::workspace<ss::cpu::scalar<>> work{{.seed = 1}};
  three_maps<> const model{work};
  io::save_package(folder / "a", model, map_contents{}, about(), "F32", nullptr);
  auto const found = io::read_package_about(folder / "a");
  CHECK(found.model == "maps");
  CHECK(found.generation == "1.0");
  CHECK(found.configuration == io::json{{"dim", 3}});
  CHECK(found.aliases == std::map<std::string, std::string>{{"last.copy", "last.weight"}});
  io::safetensors_file const file(folder / "a");
  CHECK_FALSE(file.contains("last.copy"));
  std::vector<float> rate(2);
  file.read<float>("last.rate", rate);
  CHECK(rate == std::vector<float>{1, 0.25f});
  three_maps<> other{work};
  load(folder / "a", other);
  CHECK(all_of(other) == all_of(model));
}

TEST_CASE("io/package_file: other models' tensors, the order of keys and a constant's bits are kept of the file before") {
  scratch folder;
  ss::workspace<ss::cpu::scalar<>> work{{.seed = 2}};
  three_maps<> const model{work};
  io::save_package(folder / "a", model, map_contents{}, about(), "F32", nullptr);
  io::safetensors_file const plain(folder / "a");
  std::map<std::string, std::vector<std::byte>> held;
  io::safetensors_writer writer(folder / "before");
  for (auto const& info : plain.infos()) {
    held[info.name] = plain.bytes(info.name);
    if (info.name == "last.rate") held[info.name][4] ^= std::byte{1};
    writer.add(info.name, info.dtype, info.shape, held[info.name]);
  }
  std::vector<std::int64_t> const guest{5, 6};
  writer.add("guest.ids", {2}, guest);
  writer.commit();

  io::safetensors_file const before(folder / "before");
  auto given = about();
  given.aliases = {{"guest.again", "guest.ids"}, {"gone", "nowhere"}};
  given.keys = {"last.weight", "last.copy", "guest.ids", "guest.again", "both", "last.bias", "last.rate", "gone"};
  io::save_package(folder / "b", model, map_contents{}, given, "F32", &before);
  io::safetensors_file const after(folder / "b");
  for (auto const& info : before.infos()) CHECK(after.bytes(info.name) == before.bytes(info.name));
  auto const found = io::read_package_about(folder / "b");
  CHECK(found.aliases == std::map<std::string, std::string>{{"guest.again", "guest.ids"}, {"last.copy", "last.weight"}});
  CHECK(found.keys == std::vector<std::string>{"last.weight", "last.copy", "guest.ids", "guest.again", "both", "last.bias", "last.rate"});
  given.keys.erase(given.keys.begin());
  io::save_package(folder / "b", model, map_contents{}, given, "F32", &before);
  CHECK(io::read_package_about(folder / "b").keys.empty());  // an order of some is none
}

TEST_CASE("io/package_file: types") {
  scratch folder;
  ss::workspace<ss::cpu::scalar<ss::f64>> work{{.seed = 3}};
  three_maps<ss::cpu::scalar<ss::f64>> const model{work};
  three_maps<ss::cpu::scalar<ss::f64>> other{work};
  io::save_package(folder / "a", model, map_contents{}, about(), "F64", nullptr);
  load(folder / "a", other);
  CHECK(all_of(other) == all_of(model));
  io::save_package(folder / "b", model, map_contents{}, about(), "BF16", nullptr);
  load(folder / "b", other);
  auto expected = all_of(model);
  for (double& value : expected) value = static_cast<float>(ss::bfloat16(static_cast<float>(value)));
  CHECK(all_of(other) == expected);
  CHECK_THROWS_WITH(io::save_package(folder / "c", model, map_contents{}, about(), "F16", nullptr),
                    "save_package: dtype = 'F16', expected F32, F64 or BF16");
}

TEST_CASE("io/package_file: all differences are told, a constant's too, and nothing changes") {
  scratch folder;
  ss::workspace<ss::cpu::scalar<>> work{{.seed = 4}};
  three_maps<> model{work};
  auto const values = all_of(model);
  std::vector<float> const six(6), four(4), rate{1, 0.26f};
  std::vector<std::int64_t> const whole(2);
  io::safetensors_writer(folder / "a").add("both", {6}, six).add("last.bias", {2}, whole).add("more", {4}, four).commit();
  CHECK_THROWS_WITH(load(folder / "a", model, "\n  dim is 4, the model has 3"),
                    contains("does not fit the model:\n"
                             "  dim is 4, the model has 3\n"
                             "  missing: last.rate (2)\n"
                             "  missing: last.weight (2, 2)\n"
                             "  unexpected: more (4)\n"
                             "  both is (6), the model has (6, 2)\n"
                             "  last.bias is of I64, expected F32, F64 or BF16"));
  std::vector<float> const twelve(12);
  io::safetensors_writer(folder / "b")
      .add("both", {6, 2}, twelve)
      .add("last.bias", {2}, rate)
      .add("last.weight", {2, 2}, four)
      .add("last.rate", {2}, rate)
      .commit();
  CHECK_THROWS_WITH(load(folder / "b", model), contains("last.rate[1] is 0.26, the model has the constant 0.25"));
  CHECK(all_of(model) == values);
}

TEST_CASE("io/package_file: a file that is none of the converter's, or another model's, is named") {
  scratch folder;
  auto const path = folder / "a";
  io::json const good{{"format", "spearstorm.package"},
                      {"format_version", 1},
                      {"model", "maps"},
                      {"generation", "1.0"},
                      {"configuration", io::json::object()}};
  auto const with = [&](char const* key, io::json const& value) {
    auto changed = good;
    changed[key] = value;
    return told_by(path, changed);
  };
  CHECK(told_by(path, good) == "nothing");
  CHECK(told_by(path, {}) == "here: metadata lacks 'spearstorm': tools/convert to-safetensors makes a package file of a .pt file");
  CHECK(with("format", "other") == "here: format is \"other\", expected \"spearstorm.package\"");
  CHECK(with("format_version", 2) == "here: format_version is 2, this library reads 1");
  CHECK(with("generation", {}) == "here: generation is null, expected a name");
  CHECK(with("model", "other") == "here: model is 'other', expected 'maps'");
  CHECK(with("model", {}) == "here: model is 'soundstorm', expected 'maps'");  // of version 0.2
  CHECK(with("configuration", 3) == "here: the configuration is number, expected an object");
  CHECK_THAT(with("aliases", 3), contains("here: aliases and keys: "));
}
