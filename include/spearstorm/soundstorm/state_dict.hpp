#pragma once
// Weights of a model as the package's state_dict, and back.

#include <map>

#include "spearstorm/runtime/visit.hpp"
#include "spearstorm/soundstorm/names.hpp"

namespace SPEARSTORM_NS::soundstorm {

/// The values of one tensor of a state_dict.
struct package_tensor {
  std::vector<index> shape;
  std::vector<float> values;
};
using package_dict = std::map<std::string, package_tensor>;

namespace detail {
/// Exchanges the last two axes of (n, rows, cols).
template <class T, class U>
void transpose(index n, index rows, index cols, T const* from, U* to) {
  for (index i = 0; i < n; ++i)
    for (index r = 0; r < rows; ++r)
      for (index c = 0; c < cols; ++c) to[(i * cols + c) * rows + r] = static_cast<U>(from[(i * rows + r) * cols + c]);
}
/// Our last two sizes and what is before them.
inline std::array<index, 3> matrices(std::span<index const> shape) {
  index n = 1;
  for (std::size_t i = 0; i + 2 < shape.size(); ++i) n *= shape[i];
  return {n, shape[shape.size() - 2], shape[shape.size() - 1]};
}
inline std::string shape_text(std::span<index const> shape) {
  std::string text;
  for (index size : shape) text += (text.empty() ? "(" : ", ") + std::to_string(size);
  return text.empty() ? "()" : text + ")";
}
inline index count_of(std::span<index const> shape) {
  index total = 1;
  for (index size : shape) total *= size;
  return total;
}
}  // namespace detail

/// A state_dict of what `of(path, parameter)` gives for each parameter: its values, or its gradients.
template <class Model, class Of>
package_dict to_package(Model const& model, generation as, Of const& of) {
  package_dict made;
  for_each_parameter(model, [&](std::string const& path, auto const& p) {
    auto const place = place_of(as, path, p.extents());
    auto const host = of(path, p);
    auto& tensor = made[place.key];
    tensor.shape = place.shape;
    tensor.values.resize(static_cast<std::size_t>(detail::count_of(place.shape)));
    float* const to = tensor.values.data() + place.part * p.size();
    if (place.transposed) {
      auto const sizes = detail::matrices(p.extents());
      detail::transpose(sizes[0], sizes[1], sizes[2], host.data(), to);
    } else {
      std::transform(host.begin(), host.end(), to, [](auto x) { return static_cast<float>(x); });
    }
  });
  return made;
}
/// The parameters themselves as a state_dict.
template <class Model>
package_dict to_package(Model const& model, generation as) {
  return to_package(model, as, [](std::string const&, auto const& p) { return p.to_host(); });
}

/// What keeps a state_dict from being read into a model, one difference a line; empty where it fits.
/// @param find     find(key) gives the tensor, or null where there is none
/// @param unwanted keys that the state_dict has, to be told where the model has no place for them
template <class Model, class Find>
std::string package_differences(Model const& model, generation as, Find const& find, std::vector<std::string> unwanted = {}) {
  std::string text;
  std::vector<std::string> seen;
  auto const line = [&](auto const&... words) { text += (text.empty() ? "" : "\n") + message("  ", words...); };
  for_each_parameter(model, [&](std::string const& path, auto const& p) {
    auto const place = place_of(as, path, p.extents());
    if (std::find(seen.begin(), seen.end(), place.key) != seen.end()) return;
    seen.push_back(place.key);
    package_tensor const* const from = find(place.key);
    if (!from)
      line(place.key, " is missing, the model has ", detail::shape_text(place.shape));
    else if (from->shape != place.shape)
      line(place.key, " is ", detail::shape_text(from->shape), ", the model has ", detail::shape_text(place.shape));
  });
  for (auto const& key : unwanted)
    if (std::find(seen.begin(), seen.end(), key) == seen.end()) line(key, " is in the file, the model has no such tensor");
  return text;
}

/// Reads a state_dict into a model; every difference is found before the first parameter changes.
/// @param find     find(key) gives the tensor, or null where there is none
/// @param unwanted keys of the state_dict, so that those without a place in the model are an error too
/// @throws format_error that lists all tensors which are missing, unexpected or of another shape
template <class Model, class Find>
void from_package_(Model& model, generation as, Find const& find, std::vector<std::string> unwanted = {}) {
  auto const different = package_differences(model, as, find, std::move(unwanted));
  if (!different.empty()) fail<format_error>("from_package: the weights do not fit the model:\n", different);
  for_each_parameter(model, [&](std::string const& path, auto& p) {
    auto const place = place_of(as, path, p.extents());
    using value = typename std::remove_cvref_t<decltype(p)>::value_type;
    std::vector<value> host(static_cast<std::size_t>(p.size()));
    float const* const values = find(place.key)->values.data() + place.part * p.size();
    if (place.transposed) {
      auto const sizes = detail::matrices(p.extents());
      detail::transpose(sizes[0], sizes[2], sizes[1], values, host.data());
    } else {
      std::transform(values, values + p.size(), host.begin(), [](float x) { return static_cast<value>(x); });
    }
    p.assign_(host);
  });
}

}  // namespace SPEARSTORM_NS::soundstorm
