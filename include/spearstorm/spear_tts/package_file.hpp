#pragma once
// spear-tts-pytorch's TextToSemantic in a package file. @see io/package_file.hpp

#include <optional>

#include "spearstorm/io/package_file.hpp"
#include "spearstorm/spear_tts/package_configuration.hpp"

namespace SPEARSTORM_NS::spear_tts {

using io::package_file_options;

namespace detail {

/// What a TextToSemantic's file holds.
struct file_contents {
  text_to_semantic_shape shape;

  io::package_place place_of(std::string_view path, std::span<index const> sizes) const { return spear_tts::place_of(path, sizes); }
  /// The speech encoder that the package's model carries along.
  bool of_another_model(std::string_view key) const { return key.starts_with("wav2vec."); }
  /// Rotary frequencies, one tensor for all layers of a transformer. The package holds them as a parameter, which unfreeze_all lets train:
  /// a file whose frequencies have moved is refused.
  std::vector<io::package_constant> constants() const {
    std::vector<double> frequencies;
    for (index i = 0; i < shape.dim_head / 2; ++i)
      frequencies.push_back(std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(shape.dim_head)));
    std::vector<io::package_constant> made;
    if (shape.source_depth > 0) made.push_back({frequencies_key("source", 0), {shape.dim_head / 2}, frequencies});
    if (shape.target_depth > 0) made.push_back({frequencies_key("target", 0), {shape.dim_head / 2}, frequencies});
    return made;
  }
  std::map<std::string, std::string> aliases(std::set<std::string> const&) const {
    std::map<std::string, std::string> made{{"semantic_token_emb.weight", "token_emb.speech.weight"},
                                            {"to_logits.speech.weight", "token_emb.speech.weight"},
                                            {"to_logits.text.weight", "token_emb.text.weight"}};
    for (index i = 1; i < shape.source_depth; ++i) made[frequencies_key("source", i)] = frequencies_key("source", 0);
    for (index i = 1; i < shape.target_depth; ++i) made[frequencies_key("target", i)] = frequencies_key("target", 0);
    return made;
  }

 private:
  static std::string frequencies_key(std::string const& of, index layer) {
    return of + "_transformer.layers." + std::to_string(layer) + ".0.rotary_emb.freqs";
  }
};

inline package_configuration read_package_configuration(io::safetensors_file const& file, std::string const& where) {
  auto about = io::detail::read_package_about(file, "text_to_semantic", where);
  if (about.generation != package_generation)
    fail<format_error>(where, "generation is ", about.generation, ", expected ", package_generation, " of spear-tts-pytorch");
  auto made = configuration_of(std::move(about.configuration), where);
  made.aliases = std::move(about.aliases);
  made.keys = std::move(about.keys);
  return made;
}

}  // namespace detail

/// What to build a model with: `text_to_semantic<dynamic_text_to_semantic, Exec>{work, c.shape, c.options}`, before load_package_.
/// @throws io_error where the system refuses, format_error where the file is none of tools/convert, lacks a field or holds another model
inline package_configuration read_package_configuration(std::filesystem::path const& path) {
  return detail::read_package_configuration(io::safetensors_file(path), io::detail::package_where(path));
}

/// Reads a package's weights; nothing changes where something does not fit.
/// @throws format_error that lists all fields and tensors in which file and model differ, with both sides
template <class Model>
package_configuration load_package_(std::filesystem::path const& path, Model& model) {
  io::safetensors_file const file(path);
  auto made = detail::read_package_configuration(file, io::detail::package_where(path));
  io::load_package_(path, file, model, detail::file_contents{model.shape}, argument_differences(made.shape, model.shape));
  return made;
}

/// Writes a model under the package's keys, for tools/convert to-pt.
/// @throws value_error for an unknown dtype; io_error where the system refuses (an older file stays)
template <class Model>
void save_package(std::filesystem::path const& path, Model const& model, package_file_options const& with = {}) {
  package_configuration before;
  std::optional<io::safetensors_file> from;
  if (!with.from.empty()) {
    from.emplace(with.from);
    before = detail::read_package_configuration(*from, io::detail::package_where(with.from));
  }
  io::package_about const about{.model = "text_to_semantic",
                                .generation = std::string(package_generation),
                                .configuration = arguments_of(model.shape, model.options, std::move(before.arguments)),
                                .aliases = std::move(before.aliases),
                                .keys = std::move(before.keys)};
  io::save_package(path, model, detail::file_contents{model.shape}, about, with.dtype, from ? &*from : nullptr);
}

}  // namespace SPEARSTORM_NS::spear_tts
