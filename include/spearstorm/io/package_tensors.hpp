#pragma once
// Weights of a model as a package's state_dict, and back.

#include <map>

#include "spearstorm/core/dtype.hpp"
#include "spearstorm/core/error.hpp"
#include "spearstorm/io/package_place.hpp"
#include "spearstorm/runtime/visit.hpp"

namespace SPEARSTORM_NS::io {

/// The values of one tensor of a state_dict.
template <class T>
struct package_tensor_of {
  std::vector<index> shape;
  std::vector<T> values;
};
using package_tensor = package_tensor_of<float>;
using package_dict = std::map<std::string, package_tensor>;

namespace detail {
/// Rounded to nearest where T is narrower.
template <class T>
T stored_as(auto x) {
  if constexpr (std::same_as<T, bfloat16>)
    return T(static_cast<float>(x));
  else
    return static_cast<T>(x);
}
}  // namespace detail

/// A state_dict of what `of(path, parameter)` gives for each parameter: its values, or its gradients.
template <class T = float, class Model, package_naming Naming, class Of>
std::map<std::string, package_tensor_of<T>> to_package(Model const& model, Naming const& naming, Of const& of) {
  std::map<std::string, package_tensor_of<T>> made;
  for_each_parameter(model, [&](std::string const& path, auto const& p) {
    auto const place = naming.place_of(path, p.extents());
    auto const host = of(path, p);
    auto& tensor = made[place.key];
    tensor.shape = place.shape;
    tensor.values.resize(static_cast<std::size_t>(detail::element_count(place.shape)));
    std::vector<T> values(host.size());
    std::transform(host.begin(), host.end(), values.begin(), [](auto x) { return detail::stored_as<T>(x); });
    detail::lay_out(place, p.extents(), values.data(), tensor.values.data() + place.part * p.size());
  });
  return made;
}
/// The parameters themselves as a state_dict.
template <class T = float, class Model, package_naming Naming>
std::map<std::string, package_tensor_of<T>> to_package(Model const& model, Naming const& naming) {
  return to_package<T>(model, naming, [](std::string const&, auto const& p) { return p.to_host(); });
}

/// Fills every parameter from `whole(place, value)`: all numbers of the tensor there; `value` is one of the parameter's type, to read as.
template <class Model, package_naming Naming, class Whole>
void assign_from_package_(Model& model, Naming const& naming, Whole const& whole) {
  for_each_parameter(model, [&](std::string const& path, auto& p) {
    auto const place = naming.place_of(path, p.extents());
    using value = typename std::remove_cvref_t<decltype(p)>::value_type;
    auto&& tensor = whole(place, value{});
    std::vector<value> host(static_cast<std::size_t>(p.size()));
    detail::take_back(place, p.extents(), tensor.data() + place.part * p.size(), host.data());
    p.assign_(host);
  });
}

/// What keeps a state_dict from being read into a model, one difference a line; empty where it fits.
/// @param find     find(key) gives the tensor, or null where there is none
/// @param unwanted keys that the state_dict has, to be told where the model has no place for them
template <class Model, package_naming Naming, class Find>
std::string package_differences(Model const& model, Naming const& naming, Find const& find, std::vector<std::string> unwanted = {}) {
  std::string text;
  std::vector<std::string> seen;
  auto const line = [&](auto const&... words) { text += (text.empty() ? "" : "\n") + message("  ", words...); };
  for_each_parameter(model, [&](std::string const& path, auto const& p) {
    auto const place = naming.place_of(path, p.extents());
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
template <class Model, package_naming Naming, class Find>
void from_package_(Model& model, Naming const& naming, Find const& find, std::vector<std::string> unwanted = {}) {
  auto const different = package_differences(model, naming, find, std::move(unwanted));
  if (!different.empty()) fail<format_error>("from_package: the weights do not fit the model:\n", different);
  assign_from_package_(model, naming, [&](package_place const& place, auto) -> auto const& { return find(place.key)->values; });
}

}  // namespace SPEARSTORM_NS::io
