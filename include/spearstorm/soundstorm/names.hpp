#pragma once
// The generations of soundstorm-pytorch, and our parameter paths as the keys of their state_dicts.
// Linear weights agree in layout; a depthwise kernel, a level's logits and the weights of a hyper-connection are stored transposed there;
// our to_k and to_v, value and gate, to_q, to_kv and to_a are parts of one tensor.

#include "spearstorm/io/package_place.hpp"
#include "spearstorm/soundstorm/shape.hpp"

namespace SPEARSTORM_NS::soundstorm {

enum class generation { v0_4_11, v0_5_0, v0_6_1 };

constexpr std::string_view name_of(generation g) {
  constexpr std::string_view names[] = {"0.4.11", "0.5.0", "0.6.1"};
  return names[static_cast<std::size_t>(g)];
}

/// @throws value_error where no generation has this name
inline generation generation_named(std::string_view name) {
  for (auto g : {generation::v0_4_11, generation::v0_5_0, generation::v0_6_1})
    if (name_of(g) == name) return g;
  fail<value_error>("generation_named: '", name, "', expected 0.4.11, 0.5.0 or 0.6.1");
}

/// The generation that computes what a model of this shape computes: its value residual tells.
/// @throws value_error where none does
inline generation generation_of(soundstorm_shape const& shape) {
  auto const& body = shape.body;
  auto const g = body.values == value_residual::none      ? generation::v0_4_11
                 : body.values == value_residual::average ? generation::v0_5_0
                                                          : generation::v0_6_1;
  if (g != generation::v0_6_1 && body.num_residual_streams > 1)
    fail<value_error>("generation_of: num_residual_streams = ", body.num_residual_streams,
                      " with the value residual of soundstorm-pytorch ", name_of(g),
                      ", expected 1: only 0.6.1, whose value residual is learned, has streams");
  if (g == generation::v0_6_1 && body.use_gateloop_layers)
    fail<value_error>(
        "generation_of: use_gateloop_layers = true with a learned value residual, expected false: soundstorm-pytorch 0.6.1 has none");
  return g;
}

using io::package_place;

namespace detail {

using rename = io::package_rename;
inline constexpr rename model_renames[] = {
    {"condition.semantic_token_emb", "semantic_token_emb.weight"},
    {"condition.semantic_cond_to_model_dim.", "semantic_cond_to_model_dim."},
    {"null_embed", "null_embed"},
    {"to_self_cond.", "to_self_cond."},
    {"token_critic.", "token_critic.to_logits."},
};
inline constexpr rename network_renames[] = {
    {"code_embeds", "code_embeds.weight"},
    {"embedding_proj.", "embedding_proj.0."},
    {"embedding_norm.gamma", "embedding_proj.1.weight"},
    {"embedding_norm.beta", "embedding_proj.1.bias"},
    {"conformer.rel_pos_bias", "conformer.rel_pos_bias.relative_attention_bias.weight"},
    {"heads.head_bias", "heads.0.bias"},
    {"heads.head", "heads.0.weight"},
    {"heads.norm.gamma", "to_logits.0.weight"},
    {"heads.norm.beta", "to_logits.0.bias"},
    {"heads.logits_bias", "to_logits.2.bias"},
    {"heads.logits", "to_logits.2.weight"},
};
inline constexpr rename branch_renames[] = {
    {"norm.gamma", "norm.weight"}, {"norm.beta", "norm.bias"}, {"in.", "fn.net.0."},
    {"out.", "fn.net.3."},         {"to_q.", "fn.to_q."},      {"to_k.", "fn.to_kv.", 0, 2},
    {"to_v.", "fn.to_kv.", 1, 2},  {"to_out.", "fn.to_out."},  {"to_value_residual_mix.", "fn.to_value_residual_mix.0."},
};
inline constexpr rename conv_renames[] = {
    {"norm.gamma", "net1.0.weight"},    {"norm.beta", "net1.0.bias"},    {"value.", "net1.2.", 0, 2}, {"gate.", "net1.2.", 1, 2},
    {"taps_bias", "ds_conv.conv.bias"}, {"taps", "ds_conv.conv.weight"}, {"gamma", "net2.1.gamma"},   {"out.", "net2.2."},
};
inline constexpr rename loop_renames[] = {
    {"norm.gamma", "norm.gamma"},
    {"to_q.", "to_qkva.0.", 0, 3},
    {"to_kv.", "to_qkva.0.", 1, 3},
    {"to_a.", "to_qkva.0.", 2, 3},
};

/// A block's part: its name, then the parameter's path inside.
inline bool place_in_block(std::string_view path, std::string const& prefix, generation g, package_place& to) {
  auto const dot = path.find('.');
  if (dot == std::string_view::npos) return false;
  std::string const part(path.substr(0, dot));
  auto const rest = path.substr(dot + 1);
  if (part == "post_norm") return to.key = prefix + (rest == "gamma" ? "post_norm.weight" : "post_norm.bias"), true;
  if (part == "gateloop") return io::rename_start(loop_renames, rest, prefix + "gateloop.", to);
  if (part.ends_with("_hyper")) return to.key = prefix + part.substr(0, part.size() - 6) + "." + std::string(rest), true;
  auto const inside = prefix + part + (g == generation::v0_6_1 ? ".branch." : ".");
  if (part == "conv") return io::rename_start(conv_renames, rest, inside, to);
  if (part == "attn") return io::rename_start(branch_renames, rest, inside, to);
  return (part == "ff1" || part == "ff2") && io::rename_start(branch_renames, rest, inside + "fn.", to);
}

inline bool place_in_network(std::string_view path, std::string const& prefix, generation g, package_place& to) {
  std::string_view const layers = "conformer.layers.";
  if (!path.starts_with(layers)) return io::rename_start(network_renames, path, prefix, to);
  auto const dot = path.find('.', layers.size());
  return dot != std::string_view::npos && place_in_block(path.substr(dot + 1), prefix + std::string(path.substr(0, dot + 1)), g, to);
}

/// The sizes there of a parameter whose sizes here are `shape`, and whether its last two axes are exchanged.
inline void set_shape(package_place& to, std::span<index const> shape) {
  to.shape.assign(shape.begin(), shape.end());
  auto const ends = [&](std::string_view with) { return to.key.ends_with(with); };
  if (ends("ds_conv.conv.weight"))
    to.transposed = true, to.shape = {shape[1], 1, shape[0]};
  else if (ends("net2.1.gamma"))
    to.shape = {1, shape[0], 1};
  else if (ends("net1.2.weight") || ends("net2.2.weight"))
    to.shape.push_back(1);
  else if (ends("to_logits.2.weight"))
    to.transposed = true, to.shape = {shape[0], shape[2], shape[1]};
  else if (ends("to_logits.2.bias"))
    to.shape = {1, 1, shape[0], shape[1]};
  else if (ends("heads.0.weight"))
    to.shape = {shape[0] * shape[1], shape[2]};
  else if (ends("heads.0.bias"))
    to.shape = {shape[0] * shape[1]};
  else if (ends("dynamic_alpha_fn"))
    to.transposed = true, to.shape = {shape[1], shape[0]};
  else if (ends("dynamic_alpha_scale") || ends("dynamic_beta_scale"))
    to.shape.clear();
  if (!to.shape.empty()) to.shape[0] *= to.parts;
}

}  // namespace detail

/// @param path   our path in a model: "net.conformer.layers.0.ff1.in.weight"; below its network: "conformer.layers.0.ff1.in.weight";
///               or below a block: "ff1.in.weight"
/// @param shape  our sizes
/// @throws format_error where the package has no such tensor
inline package_place place_of(generation as, std::string_view path, std::span<index const> shape) {
  package_place to;
  bool const found = path.starts_with("net.") ? detail::place_in_network(path.substr(4), "net.", as, to)
                                              : io::rename_start(detail::model_renames, path, "", to) ||
                                                    detail::place_in_network(path, "", as, to) || detail::place_in_block(path, "", as, to);
  if (!found) fail<format_error>("place_of: soundstorm-pytorch ", name_of(as), " has no tensor for ", path);
  detail::set_shape(to, shape);
  return to;
}

}  // namespace SPEARSTORM_NS::soundstorm
