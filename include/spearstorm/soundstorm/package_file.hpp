#pragma once
// soundstorm-pytorch's weights in a safetensors file that says what they are: tools/convert makes such files of a .pt file, and back.
// The metadata has one key, "spearstorm": JSON with format, format_version, generation, configuration, aliases and keys.

#include <map>

#include "spearstorm/io/parameters.hpp"
#include "spearstorm/soundstorm/package_configuration.hpp"
#include "spearstorm/soundstorm/state_dict.hpp"

namespace SPEARSTORM_NS::soundstorm {

inline constexpr std::string_view package_format = "spearstorm.package";
inline constexpr index package_version = 1;

namespace detail {

inline std::string package_where(std::filesystem::path const& path) { return "load_package: '" + path.string() + "': "; }

inline package_configuration read_package_configuration(io::safetensors_file const& file, std::string const& where) {
  auto const entry = file.metadata().find("spearstorm");
  if (entry == file.metadata().end())
    fail<format_error>(where, "metadata lacks 'spearstorm': tools/convert to-safetensors makes a package file of a .pt file");
  auto const about = io::parse_json(entry->second, where + "metadata 'spearstorm'");
  auto const text = [&](char const* name) { return about.is_object() && about.contains(name) ? about[name] : io::json(); };
  if (text("format") != package_format)
    fail<format_error>(where, "format is ", text("format").dump(), ", expected \"", package_format, "\"");
  if (text("format_version") != package_version)
    fail<format_error>(where, "format_version is ", text("format_version").dump(), ", this library reads ", package_version);
  if (!text("generation").is_string()) fail<format_error>(where, "generation is ", text("generation").dump(), ", expected a name");
  auto made = configuration_of(generation_named(text("generation").get<std::string>()), text("configuration"), where);
  try {
    if (about.contains("aliases")) made.aliases = about["aliases"].get<std::map<std::string, std::string>>();
    if (about.contains("keys")) made.keys = about["keys"].get<std::vector<std::string>>();
  } catch (io::json::exception const& bad) {
    fail<format_error>(where, "aliases and keys: ", bad.what());
  }
  return made;
}

/// Tensors of the codec, the speech encoder and the TextToSemantic that a package's SoundStorm carries along: they are other models'.
inline bool of_another_model(std::string_view key, soundstorm_shape const& shape) {
  for (std::string_view prefix : {"soundstream.", "wav2vec.", "text_to_semantic."})
    if (key.starts_with(prefix)) return true;
  return shape.semantic_dim > 0 && key == "semantic_token_emb.weight";
}

/// In what a file's arguments differ from a model's: heads and dim_head, say, whose tensors may have the same shapes.
inline std::string argument_differences(package_configuration const& file, soundstorm_shape const& model) {
  std::string text;
  auto const g = generation_of(model);
  if (file.generation != g)
    return message("\n  generation is ", name_of(file.generation), ", the model's value residual is that of ", name_of(g));
  auto const found = arguments_of(file.shape, {}), wanted = arguments_of(model, {});
  auto const compare = [&](std::string const& path, auto) {
    auto const at =
        io::json::json_pointer("/" + (path.find('.') == std::string::npos ? path : std::string(path).replace(path.find('.'), 1, "/")));
    if (found[at] != wanted[at]) text += message("\n  ", path, " is ", found[at].dump(), ", the model has ", wanted[at].dump());
  };
  visit_arguments(model, g, compare);
  if (file.shape.num_semantic_token_ids != model.num_semantic_token_ids)
    text += message("\n  num_semantic_token_ids is ", file.shape.num_semantic_token_ids, ", the model has ", model.num_semantic_token_ids);
  return text;
}

/// In what a file's tensors differ from a model's, without reading one.
template <class Model>
std::string tensor_differences(io::safetensors_file const& file, Model const& model, generation g) {
  std::map<std::string, std::vector<index>> wanted;
  for_each_parameter(model, [&](std::string const& path, auto const& p) {
    auto const place = place_of(g, path, p.extents());
    wanted[place.key] = place.shape;
  });
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
    if (!wanted.contains(info.name) && !of_another_model(info.name, model.shape()))
      unexpected += "\n  unexpected: " + info.name + " " + shape_text(info.shape);
  return missing + unexpected + other;
}

}  // namespace detail

/// What to build a model with: `model<dynamic_soundstorm, Exec>{work, c.shape, c.options}`, before load_package_.
/// @throws io_error where the system refuses, format_error where the file is none of tools/convert or lacks a field
inline package_configuration read_package_configuration(std::filesystem::path const& path) {
  return detail::read_package_configuration(io::safetensors_file(path), detail::package_where(path));
}

/// Reads a package's weights; nothing changes where something does not fit.
/// @throws format_error that lists all fields and tensors in which file and model differ, with both sides
template <class Model>
package_configuration load_package_(std::filesystem::path const& path, Model& model) {
  io::safetensors_file const file(path);
  auto made = detail::read_package_configuration(file, detail::package_where(path));
  auto const g = generation_of(model.shape());
  auto const different = detail::argument_differences(made, model.shape()) + detail::tensor_differences(file, model, g);
  if (!different.empty()) fail<format_error>("load_package: '", path.string(), "' does not fit the model:", different);
  for_each_parameter(model, [&](std::string const& name, auto& p) {
    auto const place = place_of(g, name, p.extents());
    using value = typename std::remove_reference_t<decltype(p)>::value_type;
    std::vector<value> whole(static_cast<std::size_t>(detail::count_of(place.shape))), host(static_cast<std::size_t>(p.size()));
    file.read_converted<value>(place.key, whole);
    value const* const values = whole.data() + place.part * p.size();
    if (place.transposed) {
      auto const sizes = detail::matrices(p.extents());
      detail::transpose(sizes[0], sizes[2], sizes[1], values, host.data());
    } else {
      std::copy(values, values + p.size(), host.begin());
    }
    p.assign_(host);
  });
  return made;
}

/// Beside the model.
struct package_file_options {
  std::string dtype = "F32";        ///< or "F64", "BF16", rounded to nearest
  std::filesystem::path from = {};  ///< the package file that the model was built of: arguments without a field of ours, tensors of other
                                    ///< models and the order of keys are taken over; empty: none
};

namespace detail {

template <io::file_float Stored, class Model>
std::map<std::string, std::vector<Stored>> gathered(Model const& model, generation g, std::map<std::string, std::vector<index>>& shapes) {
  std::map<std::string, std::vector<Stored>> made;
  auto const rounded = [](auto x) {
    if constexpr (std::same_as<Stored, bfloat16>)
      return Stored(static_cast<float>(x));
    else
      return static_cast<Stored>(x);
  };
  for_each_parameter(model, [&](std::string const& path, auto const& p) {
    auto const place = place_of(g, path, p.extents());
    auto const host = p.to_host();
    using value = std::remove_cvref_t<decltype(*host.data())>;
    std::vector<value> there(static_cast<std::size_t>(p.size()));
    if (place.transposed) {
      auto const sizes = matrices(p.extents());
      transpose(sizes[0], sizes[1], sizes[2], host.data(), there.data());
    } else {
      std::copy(host.begin(), host.end(), there.begin());
    }
    shapes[place.key] = place.shape;
    auto& whole = made[place.key];
    whole.resize(static_cast<std::size_t>(count_of(place.shape)));
    std::transform(there.begin(), there.end(), whole.begin() + place.part * p.size(), rounded);
  });
  return made;
}

template <io::file_float Stored, class Model>
void save_package(std::filesystem::path const& path, Model const& model, package_file_options const& with) {
  auto const g = generation_of(model.shape());
  package_configuration before;
  std::optional<io::safetensors_file> from;
  if (!with.from.empty()) {
    from.emplace(with.from);
    before = read_package_configuration(*from, package_where(with.from));
  }
  std::map<std::string, std::vector<index>> shapes;
  auto const tensors = gathered<Stored>(model, g, shapes);
  std::map<std::string, std::vector<std::byte>> others;  // of other models
  if (from)
    for (auto const& info : from->infos())
      if (of_another_model(info.name, model.shape())) others[info.name] = from->bytes(info.name);

  auto aliases = before.aliases;
  std::erase_if(aliases, [&](auto const& entry) { return !tensors.contains(entry.second) && !others.contains(entry.second); });
  if (model.shape().self_token_critic)
    for (auto const& [key, values] : tensors)
      if (key.starts_with("net.")) aliases["token_critic." + key] = key;
  auto keys = before.keys;
  std::erase_if(keys, [&](std::string const& key) { return !tensors.contains(key) && !others.contains(key) && !aliases.contains(key); });
  if (keys.size() != tensors.size() + others.size() + aliases.size()) keys.clear();

  io::json about{{"format", package_format}, {"format_version", package_version},
                 {"generation", name_of(g)}, {"configuration", arguments_of(model.shape(), model.options, before.arguments)},
                 {"aliases", aliases},       {"keys", keys}};
  io::safetensors_writer writer(path);
  writer.metadata("spearstorm", about.dump());
  for (auto const& [key, values] : tensors) writer.add(key, shapes[key], values);
  for (auto const& [key, bytes] : others) writer.add(key, from->info(key).dtype, from->info(key).shape, bytes);
  writer.commit();
}

}  // namespace detail

/// Writes a model under the package's keys, for tools/convert to-pt; the generation is the one that computes the same.
/// A model with a borrowed semantic embedding is written without it: it is its lender's.
/// @throws value_error where no generation has such a model, or for an unknown dtype; io_error where the system refuses (an older file stays)
template <class Model>
void save_package(std::filesystem::path const& path, Model const& model, package_file_options const& with = {}) {
  if (with.dtype == "F32") return detail::save_package<float>(path, model, with);
  if (with.dtype == "F64") return detail::save_package<double>(path, model, with);
  if (with.dtype == "BF16") return detail::save_package<bfloat16>(path, model, with);
  fail<value_error>("save_package: dtype = '", with.dtype, "', expected F32, F64 or BF16");
}

}  // namespace SPEARSTORM_NS::soundstorm
