#pragma once
// A small model, and what a package that never was would call its parts.

#include "io/scratch.hpp"
#include "policies.hpp"
#include "spearstorm/io/package_file.hpp"
#include "spearstorm/nn/linear.hpp"

namespace test_io {

namespace ss = spearstorm;

/// Two halves of one tensor, of which the package stores the transposed; a matrix as it is; a bias.
template <class Exec = ss::cpu::scalar<>>
struct three_maps {
  ss::nn::linear<3, 2, Exec> first, second;
  ss::nn::linear<2, 2, Exec> last;

  explicit three_maps(ss::workspace<Exec>& work) : first(work, {3, 2, false}), second(work, {3, 2, false}), last(work) {}

  static void visit(auto& self, auto&& each) {
    each("first", self.first);
    each("second", self.second);
    each("last", self.last);
  }
};

/// first and second are halves of `both`, transposed; `last.rate` is a constant, `last.copy` an alias, and `guest.` another model's.
struct map_contents {
  ss::io::package_place place_of(std::string_view path, std::span<ss::index const> shape) const {
    if (path == "first.weight") return {"both", 0, 2, true, {2 * shape[1], shape[0]}};
    if (path == "second.weight") return {"both", 1, 2, true, {2 * shape[1], shape[0]}};
    return {std::string(path), 0, 1, false, {shape.begin(), shape.end()}};
  }
  bool of_another_model(std::string_view key) const { return key.starts_with("guest."); }
  std::vector<ss::io::package_constant> constants() const { return {{"last.rate", {2}, {1, 0.25}}}; }
  std::map<std::string, std::string> aliases(std::set<std::string> const&) const { return {{"last.copy", "last.weight"}}; }
};

template <class Model>
std::vector<double> all_of(Model const& model) {
  std::vector<double> values;
  ss::for_each_parameter(model, [&](std::string const&, auto const& p) {
    auto const host = p.to_host();
    values.insert(values.end(), host.begin(), host.end());
  });
  return values;
}

}  // namespace test_io
