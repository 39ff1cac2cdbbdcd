#pragma once
// soundstorm-pytorch's weights in a package file. @see io/package_file.hpp

#include <optional>

#include "spearstorm/io/package_file.hpp"
#include "spearstorm/soundstorm/package_configuration.hpp"
#include "spearstorm/soundstorm/state_dict.hpp"

namespace SPEARSTORM_NS::soundstorm {

using io::package_file_options;
using io::package_format;
using io::package_version;

namespace detail {

inline package_configuration read_package_configuration(io::safetensors_file const& file, std::string const& where) {
  auto about = io::detail::read_package_about(file, "soundstorm", where);
  auto made = configuration_of(generation_named(about.generation), std::move(about.configuration), where);
  made.aliases = std::move(about.aliases);
  made.keys = std::move(about.keys);
  return made;
}

/// Tensors of the codec, the speech encoder and the TextToSemantic that a package's SoundStorm carries along: they are other models'.
inline bool of_another_model(std::string_view key, soundstorm_shape const& shape) {
  for (std::string_view prefix : {"soundstream.", "wav2vec.", "text_to_semantic."})
    if (key.starts_with(prefix)) return true;
  return shape.semantic_dim > 0 && key == "semantic_token_emb.weight";
}

/// What a SoundStorm's file holds.
struct file_contents {
  soundstorm_shape shape;
  generation as = generation_of(shape);

  package_place place_of(std::string_view path, std::span<index const> sizes) const { return soundstorm::place_of(as, path, sizes); }
  bool of_another_model(std::string_view key) const { return detail::of_another_model(key, shape); }
  std::vector<io::package_constant> constants() const { return {}; }
  /// The critic's network is the generator's.
  std::map<std::string, std::string> aliases(std::set<std::string> const& stored) const {
    std::map<std::string, std::string> made;
    if (!shape.self_token_critic) return made;
    for (auto const& key : stored)
      if (key.starts_with("net.")) made["token_critic." + key] = key;
    return made;
  }
};

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

}  // namespace detail

/// What to build a model with: `model<dynamic_soundstorm, Exec>{work, c.shape, c.options}`, before load_package_.
/// @throws io_error where the system refuses, format_error where the file is none of tools/convert or lacks a field
inline package_configuration read_package_configuration(std::filesystem::path const& path) {
  return detail::read_package_configuration(io::safetensors_file(path), io::detail::package_where(path));
}

/// Reads a package's weights; nothing changes where something does not fit.
/// @throws format_error that lists all fields and tensors in which file and model differ, with both sides
template <class Model>
package_configuration load_package_(std::filesystem::path const& path, Model& model) {
  io::safetensors_file const file(path);
  auto made = detail::read_package_configuration(file, io::detail::package_where(path));
  io::load_package_(path, file, model, detail::file_contents{model.shape()}, detail::argument_differences(made, model.shape()));
  return made;
}

/// Writes a model under the package's keys, for tools/convert to-pt; the generation is the one that computes the same.
/// A model with a borrowed semantic embedding is written without it: it is its lender's.
/// @throws value_error where no generation has such a model, or for an unknown dtype; io_error where the system refuses (an older file stays)
template <class Model>
void save_package(std::filesystem::path const& path, Model const& model, package_file_options const& with = {}) {
  detail::file_contents const contents{model.shape()};
  package_configuration before;
  std::optional<io::safetensors_file> from;
  if (!with.from.empty()) {
    from.emplace(with.from);
    before = detail::read_package_configuration(*from, io::detail::package_where(with.from));
  }
  io::package_about const about{.model = "soundstorm",
                                .generation = std::string(name_of(contents.as)),
                                .configuration = arguments_of(model.shape(), model.options, std::move(before.arguments)),
                                .aliases = std::move(before.aliases),
                                .keys = std::move(before.keys)};
  io::save_package(path, model, contents, about, with.dtype, from ? &*from : nullptr);
}

}  // namespace SPEARSTORM_NS::soundstorm
