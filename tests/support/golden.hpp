#pragma once
// Golden files as host arrays: golden("op_rotary").read<batch<>, heads<>>("input.q", {2, 3}). See tests/golden/README.md.

#include <string>

#include "spearstorm/io/json.hpp"
#include "spearstorm/io/safetensors_reader.hpp"
#include "spearstorm/runtime/array.hpp"

namespace test {

class golden {
 public:
  explicit golden(std::string const& name) : file_(SPEARSTORM_GOLDEN_DIR "/" + name + ".safetensors") {}

  bool contains(std::string const& name) const { return file_.contains(name); }

  std::vector<spearstorm::io::tensor_info> const& infos() const { return file_.infos(); }

  /// What the file says about itself: `config`, `state_dict` and more.
  spearstorm::io::json about() const { return spearstorm::io::parse_json(file_.metadata().at("golden"), "golden file"); }

  /// Under axes of ours, with the file's sizes.
  template <class T, spearstorm::axis_type... Axes>
  spearstorm::array<T, Axes...> get(std::string const& name) const {
    auto const& shape = file_.info(name).shape;
    if (shape.size() != sizeof...(Axes)) throw std::runtime_error(name + " has another rank in the golden file");
    spearstorm::sizes<sizeof...(Axes)> extents{};
    std::copy(shape.begin(), shape.end(), extents.begin());
    return read_as<T, Axes...>(name, extents);
  }
  /// Any axes whose sizes hold as many elements as the file's tensor.
  template <spearstorm::axis_type... Axes>
  spearstorm::array<float, Axes...> read(std::string const& name, spearstorm::sizes<sizeof...(Axes)> extents) const {
    return read_as<float, Axes...>(name, extents);
  }
  template <class T, spearstorm::axis_type... Axes>
  spearstorm::array<T, Axes...> read_as(std::string const& name, spearstorm::sizes<sizeof...(Axes)> extents) const {
    spearstorm::array<T, Axes...> made(extents);
    file_.read<T>(name, made.values());
    return made;
  }

 private:
  spearstorm::io::safetensors_file file_;
};

}  // namespace test
