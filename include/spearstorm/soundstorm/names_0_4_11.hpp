#pragma once
// Our parameter paths and the state_dict keys of soundstorm-pytorch 0.4.11's ConformerWrapper, both ways.
// Linear weights agree in layout; a depthwise kernel and the logits of a level are stored transposed there; our to_k and
// to_v, value and gate are halves of one tensor there.

#include <map>

#include "spearstorm/runtime/visit.hpp"

namespace SPEARSTORM_NS::soundstorm {

/// Where a parameter stands in the package's state_dict.
struct package_place {
  std::string key;
  index part = 0, parts = 1;  ///< which equal part of the tensor's first axis
  bool transposed = false;    ///< the last two axes are exchanged there
  std::vector<index> shape;   ///< of the whole tensor there
};

/// The values of one tensor of a state_dict.
struct package_tensor {
  std::vector<index> shape;
  std::vector<float> values;
};

namespace detail {

/// (ours, theirs), the first suffix that fits counts.
struct rename {
  std::string_view ours, theirs;
  index part = 0, parts = 1;
};
inline constexpr rename renames_0_4_11[] = {
    {"norm.gamma", "norm.weight"}, {"norm.beta", "norm.bias"},   {"in.", "fn.net.0."},         {"out.", "fn.net.3."},
    {"to_q.", "fn.to_q."},         {"to_k.", "fn.to_kv.", 0, 2}, {"to_v.", "fn.to_kv.", 1, 2}, {"to_out.", "fn.to_out."},
};
inline constexpr rename conv_renames_0_4_11[] = {
    {"norm.gamma", "net1.0.weight"},    {"norm.beta", "net1.0.bias"},    {"value.", "net1.2.", 0, 2}, {"gate.", "net1.2.", 1, 2},
    {"taps_bias", "ds_conv.conv.bias"}, {"taps", "ds_conv.conv.weight"}, {"gamma", "net2.1.gamma"},   {"out.", "net2.2."},
};
inline constexpr rename top_renames_0_4_11[] = {
    {"code_embeds", "code_embeds.weight"},      {"conformer.rel_pos_bias", "conformer.rel_pos_bias.relative_attention_bias.weight"},
    {"heads.head_bias", "heads.0.bias"},        {"heads.head", "heads.0.weight"},
    {"heads.norm.gamma", "to_logits.0.weight"}, {"heads.norm.beta", "to_logits.0.bias"},
    {"heads.logits_bias", "to_logits.2.bias"},  {"heads.logits", "to_logits.2.weight"},
};

inline bool apply(std::span<rename const> table, std::string_view path, std::string const& prefix, package_place& to) {
  for (auto const& r : table)
    if (path.starts_with(r.ours)) {
      to.key = prefix + std::string(r.theirs) + std::string(path.substr(r.ours.size()));
      to.part = r.part;
      to.parts = r.parts;
      return true;
    }
  return false;
}

/// A block's part: its name, then the parameter's path inside.
inline bool place_in_block(std::string_view path, std::string const& prefix, package_place& to) {
  auto const below = [&](std::string_view name) { return path.starts_with(name) ? path.substr(name.size()) : std::string_view{}; };
  if (auto const rest = below("post_norm."); !rest.empty()) {
    to.key = prefix + (rest == "gamma" ? "post_norm.weight" : "post_norm.bias");
    return true;
  }
  if (auto const rest = below("conv."); !rest.empty()) return apply(conv_renames_0_4_11, rest, prefix + "conv.", to);
  if (auto const rest = below("attn."); !rest.empty()) return apply(renames_0_4_11, rest, prefix + "attn.", to);
  for (std::string_view name : {"ff1.", "ff2."})
    if (auto const rest = below(name); !rest.empty()) return apply(renames_0_4_11, rest, prefix + std::string(name) + "fn.", to);
  return false;
}

}  // namespace detail

/// @param path   our path below the network: "conformer.layers.0.ff1.in.weight"; or below a block: "ff1.in.weight"
/// @param shape  our sizes
/// @throws format_error where the package has no such tensor
inline package_place place_0_4_11(std::string const& path, std::span<index const> shape) {
  package_place to;
  bool found = false;
  std::string_view rest = path;
  std::string_view const layers = "conformer.layers.";
  if (rest.starts_with(layers)) {
    auto const dot = rest.find('.', layers.size());
    found = detail::place_in_block(rest.substr(dot + 1), std::string(rest.substr(0, dot + 1)), to);
  } else {
    found = detail::apply(detail::top_renames_0_4_11, rest, "", to) || detail::place_in_block(rest, "", to);
  }
  if (!found) fail<format_error>("names_0_4_11: soundstorm-pytorch has no tensor for ", path);
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
  to.shape[0] *= to.parts;
  return to;
}

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
}  // namespace detail

/// A state_dict of what `of(path, parameter)` gives for each parameter: its values, or its gradients.
template <class Model, class Of>
std::map<std::string, package_tensor> to_0_4_11(Model const& model, Of const& of) {
  std::map<std::string, package_tensor> made;
  for_each_parameter(model, [&](std::string const& path, auto const& p) {
    auto const place = place_0_4_11(path, p.extents());
    auto const host = of(path, p);
    auto& tensor = made[place.key];
    index total = 1;
    for (index size : place.shape) total *= size;
    tensor.shape = place.shape;
    tensor.values.resize(static_cast<std::size_t>(total));
    float* const to = tensor.values.data() + place.part * host.size();
    if (place.transposed) {
      auto const [n, rows, cols] = detail::matrices(p.extents());
      detail::transpose(n, rows, cols, host.data(), to);
    } else {
      std::transform(host.begin(), host.end(), to, [](auto x) { return static_cast<float>(x); });
    }
  });
  return made;
}
/// The parameters themselves as a state_dict.
template <class Model>
std::map<std::string, package_tensor> to_0_4_11(Model const& model) {
  return to_0_4_11(model, [](std::string const&, auto const& p) { return p.to_host(); });
}

/// Reads a state_dict into a model.
/// @param find  find(key) gives the tensor, or null where there is none
/// @throws format_error with the key where a tensor is missing or has another shape; parameters before it are changed then
template <class Model, class Find>
void from_0_4_11_(Model& model, Find const& find) {
  for_each_parameter(model, [&](std::string const& path, auto& p) {
    auto const place = place_0_4_11(path, p.extents());
    package_tensor const* const from = find(place.key);
    auto const text = [](std::vector<index> const& shape) {
      std::string t;
      for (index size : shape) t += (t.empty() ? "(" : ", ") + std::to_string(size);
      return t + ")";
    };
    if (!from) fail<format_error>("names_0_4_11: ", place.key, " is missing, expected ", text(place.shape));
    if (from->shape != place.shape)
      fail<format_error>("names_0_4_11: ", place.key, " is ", text(from->shape), ", expected ", text(place.shape));
    using value = typename std::remove_cvref_t<decltype(p)>::value_type;
    std::vector<value> host(static_cast<std::size_t>(p.size()));
    float const* const values = from->values.data() + place.part * p.size();
    if (place.transposed) {
      auto const [n, rows, cols] = detail::matrices(p.extents());
      detail::transpose(n, cols, rows, values, host.data());
    } else {
      std::transform(values, values + p.size(), host.begin(), [](float x) { return static_cast<value>(x); });
    }
    p.assign_(host);
  });
}

}  // namespace SPEARSTORM_NS::soundstorm
