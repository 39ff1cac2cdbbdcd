#pragma once
// Golden files of SPEAR-TTS as our types: shape, options, batch, weights. See tests/golden/README.md.

#include <map>

#include "check_op.hpp"
#include "golden.hpp"
#include "spearstorm/io/package_tensors.hpp"
#include "spearstorm/spear_tts/model.hpp"
#include "spearstorm/spear_tts/package_configuration.hpp"

namespace test {

class golden_spear_tts : public golden {
 public:
  explicit golden_spear_tts(std::string const& name) : golden(name), about_(about()), config(about_["config"]) {
    auto const arguments = ss::spear_tts::configuration_of(config["text_to_semantic"], name + ": ");
    shape = arguments.shape;
    options = arguments.options;
    if (about_.contains("params_from")) parameters_.emplace(about_["params_from"].get<std::string>());
  }

 private:
  ss::io::json const about_;
  std::optional<golden> parameters_;

 public:
  ss::io::json const config;
  ss::text_to_semantic_shape shape;
  ss::text_to_semantic_options options;

  ss::spear_tts::token_kind from() const { return kind("source_type"); }
  ss::spear_tts::token_kind to() const { return kind("target_type"); }

  /// @shape returns (batch, frames)
  ss::token::id_array ids(std::string const& name) const { return get<std::int32_t, ss::axes::batch<>, ss::axes::frames<>>(name); }

  /// Any floating tensor of the file.
  std::vector<double> values(std::string const& name) const { return numbers(*this, name); }

  /// Reads the parameters into a model.
  template <class Model>
  void load(Model& model) const {
    using tensor = ss::io::package_tensor;
    golden const& file = parameters_ ? *parameters_ : *this;
    auto const shapes = file.about()["state_dict"];
    std::map<std::string, tensor> read;
    ss::io::from_package_(model, ss::spear_tts::package_names{}, [&](std::string const& key) -> tensor const* {
      if (auto const found = read.find(key); found != read.end()) return &found->second;
      if (!file.contains("param." + key)) return nullptr;
      auto const found = numbers(file, "param." + key);
      return &(read[key] = {shapes[key].template get<std::vector<ss::index>>(), {found.begin(), found.end()}});
    });
  }

 private:
  ss::spear_tts::token_kind kind(char const* field) const {
    return config[field] == "text" ? ss::spear_tts::token_kind::text : ss::spear_tts::token_kind::speech;
  }
  static std::vector<double> numbers(golden const& file, std::string const& name) {
    for (auto const& info : file.infos())
      if (info.name == name) {
        ss::index n = 1;
        for (auto size : info.shape) n *= size;
        auto const all = [](auto const& host) { return std::vector<double>(host.begin(), host.end()); };
        if (info.dtype == "F64") return all(file.read_as<double, ss::axes::rows<>>(name, {n}));
        return all(file.read_as<float, ss::axes::rows<>>(name, {n}));
      }
    throw std::runtime_error(name + " is not in the golden file");
  }
};

}  // namespace test
