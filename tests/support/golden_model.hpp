#pragma once
// Golden files of whole modules: their tensors by state_dict key.

#include <map>

#include "check_op.hpp"
#include "golden.hpp"
#include "spearstorm/soundstorm/state_dict.hpp"

namespace test {

class golden_model : public golden {
 public:
  using golden::golden;

  spearstorm::soundstorm::package_tensor tensor(std::string const& name) const { return tensor_of(*this, name); }

  /// Reads the parameters `param.<prefix><key>` into a module.
  template <class Model>
  void load(Model& model, std::string const& prefix = "") const {
    std::map<std::string, spearstorm::soundstorm::package_tensor> read;
    spearstorm::soundstorm::from_package_(model, spearstorm::soundstorm::generation::v0_4_11,
                                          [&](std::string const& key) -> spearstorm::soundstorm::package_tensor const* {
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

inline std::vector<double> flat(auto const& values) { return std::vector<double>(values.begin(), values.end()); }

/// Every parameter's gradient against `grad.<prefix><key>` of a golden file.
template <class Model, class Gradients>
void compare_gradients(Model const& model, Gradients& gradients, golden_model const& file, std::string const& prefix = "") {
  auto const found = ss::soundstorm::to_package(model, ss::soundstorm::generation::v0_4_11,
                                                [&](std::string const&, auto const& p) { return gradients.to_host(p); });
  for (auto const& entry : found) {
    auto const expected = file.tensor("grad." + prefix + entry.first);
    CHECK(entry.second.shape == expected.shape);
    detail::compare("gradient of " + entry.first, flat(entry.second.values), flat(expected.values),
                    ss::tolerance_of<float>(ss::computed::whole_model));
  }
}

}  // namespace test
