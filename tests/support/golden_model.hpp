#pragma once
// Golden files of whole modules: their tensors by state_dict key.

#include <map>

#include "golden.hpp"
#include "spearstorm/soundstorm/names_0_4_11.hpp"

namespace test {

class golden_model : public golden {
 public:
  using golden::golden;

  spearstorm::soundstorm::package_tensor tensor(std::string const& name) const { return tensor_of(*this, name); }

  /// Reads the parameters `param.<prefix><key>` into a module.
  template <class Model>
  void load(Model& model, std::string const& prefix = "") const {
    std::map<std::string, spearstorm::soundstorm::package_tensor> read;
    spearstorm::soundstorm::from_0_4_11_(model, [&](std::string const& key) -> spearstorm::soundstorm::package_tensor const* {
      auto const name = "param." + prefix + key;
      return contains(name) ? &(read[key] = tensor(name)) : nullptr;
    });
  }

 private:
  static spearstorm::soundstorm::package_tensor tensor_of(golden const& file, std::string const& name) {
    for (auto const& info : file.infos())
      if (info.name == name) {
        spearstorm::index n = 1;
        for (auto size : info.shape) n *= size;
        auto const values = file.read<spearstorm::axes::rows<>>(name, {n});
        return {info.shape, {values.begin(), values.end()}};
      }
    throw std::runtime_error(name + " is not in the golden file");
  }
};

}  // namespace test
