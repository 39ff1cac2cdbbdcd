#pragma once
// A Python package's weights in a safetensors file that says what they are: tools/convert makes such files of a .pt file, and back.
// The metadata has one key, "spearstorm": JSON with format, format_version, model, generation, configuration, aliases and keys.

#include <cmath>
#include <set>

#include "spearstorm/io/json.hpp"
#include "spearstorm/io/package_tensors.hpp"
#include "spearstorm/io/safetensors.hpp"

namespace SPEARSTORM_NS::io {

inline constexpr std::string_view package_format = "spearstorm.package";
inline constexpr index package_version = 1;

/// What a package file says of itself.
struct package_about {
  std::string model{};                           ///< "soundstorm", which files of version 0.2 leave out, or "text_to_semantic"
  std::string generation{};                      ///< the package's version
  json configuration = json::object();           ///< the constructor's arguments
  std::map<std::string, std::string> aliases{};  ///< keys of a state_dict that are another key's tensor
  std::vector<std::string> keys{};               ///< of the state_dict in its order; empty: not known
};

/// A tensor of the package's state_dict that a model of ours computes: it is compared when read, and written.
struct package_constant {
  std::string key;
  std::vector<index> shape;
  std::vector<double> values;
};

/// What a package's model has in its file: our parameters' places, tensors that it carries for other models, constants, and further keys.
template <class P>
concept package_contents = package_naming<P> && requires(P const& p, std::string_view key, std::set<std::string> const& stored) {
  { p.of_another_model(key) } -> std::same_as<bool>;
  { p.constants() } -> std::same_as<std::vector<package_constant>>;
  { p.aliases(stored) } -> std::same_as<std::map<std::string, std::string>>;
};

/// Beside the model.
struct package_file_options {
  std::string dtype = "F32";        ///< or "F64", "BF16", rounded to nearest
  std::filesystem::path from = {};  ///< the package file that the model was built of: arguments without a field of ours, tensors of other
                                    ///< models and the order of keys are taken over; empty: none
};

namespace detail {

inline std::string package_where(std::filesystem::path const& path) { return "load_package: '" + path.string() + "': "; }

inline package_about read_package_about(safetensors_file const& file, std::string const& where) {
  auto const entry = file.metadata().find("spearstorm");
  if (entry == file.metadata().end())
    fail<format_error>(where, "metadata lacks 'spearstorm': tools/convert to-safetensors makes a package file of a .pt file");
  auto const about = parse_json(entry->second, where + "metadata 'spearstorm'");
  auto const field = [&](char const* name) { return about.is_object() && about.contains(name) ? about[name] : json(); };
  if (field("format") != package_format)
    fail<format_error>(where, "format is ", field("format").dump(), ", expected \"", package_format, "\"");
  if (field("format_version") != package_version)
    fail<format_error>(where, "format_version is ", field("format_version").dump(), ", this library reads ", package_version);
  package_about made;
  auto const text = [&](char const* name) {
    if (!field(name).is_string()) fail<format_error>(where, name, " is ", field(name).dump(), ", expected a name");
    return field(name).get<std::string>();
  };
  made.model = field("model").is_null() ? "soundstorm" : text("model");
  made.generation = text("generation");
  made.configuration = field("configuration");
  if (!made.configuration.is_object())
    fail<format_error>(where, "the configuration is ", made.configuration.type_name(), ", expected an object");
  try {
    if (about.contains("aliases")) made.aliases = about["aliases"].get<std::map<std::string, std::string>>();
    if (about.contains("keys")) made.keys = about["keys"].get<std::vector<std::string>>();
  } catch (json::exception const& bad) {
    fail<format_error>(where, "aliases and keys: ", bad.what());
  }
  return made;
}

/// @throws format_error where the file holds another model
inline package_about read_package_about(safetensors_file const& file, std::string_view model, std::string const& where) {
  auto made = read_package_about(file, where);
  if (made.model != model) fail<format_error>(where, "model is '", made.model, "', expected '", model, "'");
  return made;
}

/// Where a constant of a file is not the model's, up to rounding.
inline std::string constant_differences(safetensors_file const& file, package_constant const& wanted) {
  std::vector<double> found(wanted.values.size());
  file.read_converted<double>(wanted.key, found);
  double const relative = file.info(wanted.key).dtype == dtype_name<bfloat16> ? 1.0 / 256 : 1e-5;
  for (std::size_t i = 0; i < found.size(); ++i)
    if (!(std::abs(found[i] - wanted.values[i]) <= relative * std::abs(wanted.values[i])))
      return message("\n  ", wanted.key, "[", i, "] is ", found[i], ", the model has the constant ", wanted.values[i]);
  return {};
}

/// In what a file's tensors differ from a model's; reads constants only.
template <class Model, package_contents Package>
std::string tensor_differences(safetensors_file const& file, Model const& model, Package const& package) {
  std::map<std::string, std::vector<index>> wanted;
  for_each_parameter(model, [&](std::string const& path, auto const& p) {
    auto const place = package.place_of(path, p.extents());
    wanted[place.key] = place.shape;
  });
  auto const constants = package.constants();
  for (auto const& constant : constants) wanted[constant.key] = constant.shape;
  std::string missing, other, unexpected;
  for (auto const& [key, shape] : wanted) {
    if (!file.contains(key)) {
      missing += "\n  missing: " + key + " " + shape_text(shape);
      continue;
    }
    auto const& found = file.info(key);
    if (found.shape != shape) other += message("\n  ", key, " is ", shape_text(found.shape), ", the model has ", shape_text(shape));
    if (found.dtype != "F32" && found.dtype != "F64" && found.dtype != "BF16")
      other += message("\n  ", key, " is of ", found.dtype, ", expected F32, F64 or BF16");
  }
  for (auto const& info : file.infos())
    if (!wanted.contains(info.name) && !package.of_another_model(info.name))
      unexpected += "\n  unexpected: " + info.name + " " + shape_text(info.shape);
  if (missing.empty() && other.empty())
    for (auto const& constant : constants) other += constant_differences(file, constant);
  return missing + unexpected + other;
}

template <class Model, package_contents Package>
void load_package_(safetensors_file const& file, Model& model, Package const& package) {
  assign_from_package_(model, package, [&]<class T>(package_place const& place, T) {
    std::vector<T> whole(static_cast<std::size_t>(element_count(place.shape)));
    file.read_converted<T>(place.key, whole);
    return whole;
  });
}

template <file_float Stored, class Model, package_contents Package>
void save_package(std::filesystem::path const& path, Model const& model, Package const& package, package_about about,
                  safetensors_file const* from) {
  auto tensors = to_package<Stored>(model, package);
  for (auto const& constant : package.constants()) {
    auto values = constant.values;
    if (from) from->read_converted<double>(constant.key, values);  // its last bits
    auto& tensor = tensors[constant.key];
    tensor.shape = constant.shape;
    for (double x : values) tensor.values.push_back(stored_as<Stored>(x));
  }
  std::map<std::string, std::vector<std::byte>> others;  // of other models
  if (from)
    for (auto const& info : from->infos())
      if (package.of_another_model(info.name)) others[info.name] = from->bytes(info.name);

  std::set<std::string> stored;
  for (auto const& [key, tensor] : tensors) stored.insert(key);
  for (auto const& [key, bytes] : others) stored.insert(key);
  std::erase_if(about.aliases, [&](auto const& entry) { return !stored.contains(entry.second); });
  for (auto const& [key, source] : package.aliases(stored)) about.aliases[key] = source;
  std::erase_if(about.keys, [&](std::string const& key) { return !stored.contains(key) && !about.aliases.contains(key); });
  if (about.keys.size() != stored.size() + about.aliases.size()) about.keys.clear();

  json const text{{"format", package_format},
                  {"format_version", package_version},
                  {"model", about.model},
                  {"generation", about.generation},
                  {"configuration", about.configuration},
                  {"aliases", about.aliases},
                  {"keys", about.keys}};
  safetensors_writer writer(path);
  writer.metadata("spearstorm", text.dump());
  for (auto const& [key, tensor] : tensors) writer.add(key, tensor.shape, tensor.values);
  for (auto const& [key, bytes] : others) writer.add(key, from->info(key).dtype, from->info(key).shape, bytes);
  writer.commit();
}

}  // namespace detail

/// What a file of tools/convert to-safetensors says of itself: which model to build, say.
/// @throws io_error where the system refuses, format_error where the file is none of tools/convert or lacks a field
inline package_about read_package_about(std::filesystem::path const& path) {
  return detail::read_package_about(safetensors_file(path), detail::package_where(path));
}

/// Reads a package's weights; nothing changes where something does not fit.
/// @param different what else keeps the file from fitting: lines that each open with "\n  "
/// @throws format_error that lists `different` and all tensors in which file and model differ, with both sides
template <class Model, package_contents Package>
void load_package_(std::filesystem::path const& path, safetensors_file const& file, Model& model, Package const& package,
                   std::string different) {
  different += detail::tensor_differences(file, model, package);
  if (!different.empty()) fail<format_error>("load_package: '", path.string(), "' does not fit the model:", different);
  detail::load_package_(file, model, package);
}

/// Writes a model under the package's keys, for tools/convert to-pt.
/// @param about  its aliases and keys are those of the file that the model was built of
/// @param from   that file, or null: tensors of other models are copied from it
/// @throws value_error for an unknown dtype; io_error where the system refuses (an older file stays)
template <class Model, package_contents Package>
void save_package(std::filesystem::path const& path, Model const& model, Package const& package, package_about const& about,
                  std::string_view dtype, safetensors_file const* from) {
  if (dtype == "F32") return detail::save_package<float>(path, model, package, about, from);
  if (dtype == "F64") return detail::save_package<double>(path, model, package, about, from);
  if (dtype == "BF16") return detail::save_package<bfloat16>(path, model, package, about, from);
  fail<value_error>("save_package: dtype = '", dtype, "', expected F32, F64 or BF16");
}

}  // namespace SPEARSTORM_NS::io
