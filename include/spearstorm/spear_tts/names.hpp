#pragma once
// Our parameter paths of a TextToSemantic as the keys of spear-tts-pytorch 0.4.8's state_dict. Layouts agree; our to_k and to_v, null_k and
// null_v, value and gate are halves of one tensor, and a feed-forward's parts have numbers.

#include "spearstorm/core/error.hpp"
#include "spearstorm/io/package_place.hpp"

namespace SPEARSTORM_NS::spear_tts {

inline constexpr std::string_view package_generation = "0.4.8";  ///< the version of spear-tts-pytorch whose files these are

namespace detail {

using rename = io::package_rename;
inline constexpr rename model_renames[] = {
    {"semantic_token_emb", "token_emb.speech.weight"},
    {"text_token_emb", "token_emb.text.weight"},
    {"semantic_start_token", "start_token.speech"},
    {"text_start_token", "start_token.text"},
    {"semantic_mask_token", "semantic_mask_token"},  // ours: tools/convert to-pt leaves it out
    {"early_exit.norm.gamma", "to_early_exit_semantic_logits.1.gamma"},
    {"early_exit.to_logits.weight", "to_early_exit_semantic_logits.2.weight"},
    {"final_norm.gamma", "final_norm.gamma"},  // of a transformer alone
};
inline constexpr rename attention_renames[] = {
    {"norm.gamma", "norm.gamma"}, {"to_q.", "to_q.0."},        {"to_k.", "to_kv.0.", 0, 2}, {"to_v.", "to_kv.0.", 1, 2},
    {"to_out.", "to_out."},       {"null_k", "null_kv", 0, 2}, {"null_v", "null_kv", 1, 2},
};
inline constexpr rename feed_forward_renames[] = {
    {"norm.gamma", "0.gamma"},
    {"value.", "1.", 0, 2},
    {"gate.", "1.", 1, 2},
    {"out.", "4."},
};

/// A layer's part: its name, then the parameter's path inside.
inline bool place_in_layer(std::string_view path, std::string const& prefix, io::package_place& to) {
  auto const dot = path.find('.');
  if (dot == std::string_view::npos) return false;
  auto const part = path.substr(0, dot), rest = path.substr(dot + 1);
  if (part == "attn") return io::rename_start(attention_renames, rest, prefix + "0.", to);
  if (part == "cross_attn") return io::rename_start(attention_renames, rest, prefix + "1.", to);
  return part == "ff" && io::rename_start(feed_forward_renames, rest, prefix + "2.", to);
}

inline bool place_in_transformer(std::string_view path, std::string const& prefix, io::package_place& to) {
  std::string_view const layers = "layers.";
  if (!path.starts_with(layers)) return io::rename_start(model_renames, path, prefix, to);
  auto const dot = path.find('.', layers.size());
  return dot != std::string_view::npos && place_in_layer(path.substr(dot + 1), prefix + std::string(path.substr(0, dot + 1)), to);
}

inline bool place_in_model(std::string_view path, io::package_place& to) {
  for (std::string_view part : {"source_transformer.", "target_transformer."})
    if (path.starts_with(part)) return place_in_transformer(path.substr(part.size()), std::string(part), to);
  std::string_view const exit = "early_exit.ff.";
  if (path.starts_with(exit))
    return io::rename_start(feed_forward_renames, path.substr(exit.size()), "to_early_exit_semantic_logits.0.fn.", to);
  return place_in_transformer(path, "", to) || place_in_layer(path, "", to);
}

}  // namespace detail

/// @param path   our path in a model: "source_transformer.layers.0.attn.to_q.weight"; below a transformer: "layers.0.attn.to_q.weight";
///               or below a layer: "attn.to_q.weight"
/// @param shape  our sizes
/// @throws format_error where the package has no such tensor
inline io::package_place place_of(std::string_view path, std::span<index const> shape) {
  io::package_place to;
  if (!detail::place_in_model(path, to))
    fail<format_error>("place_of: spear-tts-pytorch ", package_generation, " has no tensor for ", path);
  to.shape.assign(shape.begin(), shape.end());
  if (to.key.ends_with("null_kv")) to.shape = {1, shape[0], 1, shape[1]};
  to.shape[0] *= to.parts;
  return to;
}

/// place_of as io/package_tensors.hpp asks for it.
struct package_names {
  io::package_place place_of(std::string_view path, std::span<index const> shape) const { return spear_tts::place_of(path, shape); }
};

}  // namespace SPEARSTORM_NS::spear_tts
