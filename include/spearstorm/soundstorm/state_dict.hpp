#pragma once
// Weights of a model as soundstorm-pytorch's state_dict, and back. @see io/package_tensors.hpp

#include "spearstorm/io/package_tensors.hpp"
#include "spearstorm/soundstorm/names.hpp"

namespace SPEARSTORM_NS::soundstorm {

using io::package_dict;
using io::package_tensor;

namespace detail {
struct generation_naming {
  generation as;
  package_place place_of(std::string_view path, std::span<index const> shape) const { return soundstorm::place_of(as, path, shape); }
};
}  // namespace detail

/// A state_dict of what `of(path, parameter)` gives for each parameter: its values, or its gradients.
template <class Model, class Of>
package_dict to_package(Model const& model, generation as, Of const& of) {
  return io::to_package(model, detail::generation_naming{as}, of);
}
/// The parameters themselves as a state_dict.
template <class Model>
package_dict to_package(Model const& model, generation as) {
  return io::to_package(model, detail::generation_naming{as});
}

/// What keeps a state_dict from being read into a model, one difference a line; empty where it fits.
/// @param find     find(key) gives the tensor, or null where there is none
/// @param unwanted keys that the state_dict has, to be told where the model has no place for them
template <class Model, class Find>
std::string package_differences(Model const& model, generation as, Find const& find, std::vector<std::string> unwanted = {}) {
  return io::package_differences(model, detail::generation_naming{as}, find, std::move(unwanted));
}

/// Reads a state_dict into a model; every difference is found before the first parameter changes.
/// @param find     find(key) gives the tensor, or null where there is none
/// @param unwanted keys of the state_dict, so that those without a place in the model are an error too
/// @throws format_error that lists all tensors which are missing, unexpected or of another shape
template <class Model, class Find>
void from_package_(Model& model, generation as, Find const& find, std::vector<std::string> unwanted = {}) {
  io::from_package_(model, detail::generation_naming{as}, find, std::move(unwanted));
}

}  // namespace SPEARSTORM_NS::soundstorm
