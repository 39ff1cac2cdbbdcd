#pragma once
// What a checkpoint says about its model, as JSON, so that a program can build the model before it reads a weight.

#include <optional>

#include "spearstorm/io/json.hpp"
#include "spearstorm/soundstorm/semantic_rates.hpp"
#include "spearstorm/soundstorm/shape.hpp"

namespace SPEARSTORM_NS::train {

namespace detail {

/// Calls each(name, field) for all fields of a shape that every checkpoint has.
inline void visit_first_shape(auto& shape, auto&& each) {
  each("codebook_size", shape.codebook_size);
  each("num_quantizers", shape.num_quantizers);
  each("dim", shape.body.dim);
  each("depth", shape.body.depth);
  each("dim_head", shape.body.dim_head);
  each("heads", shape.body.heads);
  each("ff_mult", shape.body.ff_mult);
  each("conv_expansion_factor", shape.body.conv_expansion_factor);
  each("conv_kernel_size", shape.body.conv_kernel_size);
  each("conv_causal", shape.body.conv_causal);
  each("t5_rel_pos_bias", shape.body.t5_rel_pos_bias);
}
/// The same for those that came later: a checkpoint without one was written when its default was all there was.
inline void visit_later_shape(auto& shape, auto&& each) {
  each("use_gateloop_layers", shape.body.use_gateloop_layers);
  each("num_residual_streams", shape.body.num_residual_streams);
  each("values", shape.body.values);
  each("grouped_quantizers", shape.grouped_quantizers);
  each("num_semantic_token_ids", shape.num_semantic_token_ids);
  each("semantic_dim", shape.semantic_dim);
  each("self_cond", shape.self_cond);
  each("self_token_critic", shape.self_token_critic);
}
inline void visit_shape(auto& shape, auto&& each) {
  visit_first_shape(shape, each);
  visit_later_shape(shape, each);
}

inline void visit_rates(auto& rates, auto&& each) {
  each("wav2vec_target_sample_hz", rates.wav2vec_target_sample_hz);
  each("wav2vec_downsample_factor", rates.wav2vec_downsample_factor);
  each("codec_target_sample_hz", rates.codec_target_sample_hz);
  each("codec_downsample_factor", rates.codec_downsample_factor);
  each("policy", rates.policy);
  each("max_misfit", rates.max_misfit);
}

/// Names of an enumeration's values, in their order.
inline std::vector<std::string> names_of(value_residual) { return {"none", "average", "learned"}; }
inline std::vector<std::string> names_of(soundstorm::rate_policy) { return {"repeat", "interpolate", "nearest"}; }

template <class T>
io::json field_json(T value) {
  if constexpr (std::is_enum_v<T>)
    return names_of(value).at(static_cast<std::size_t>(value));
  else
    return value;
}

/// The field's value, or nothing where the JSON is of another type.
template <class T>
std::optional<T> field_of(io::json const& from) {
  if constexpr (std::is_enum_v<T>) {
    auto const names = names_of(T{});
    auto const found = from.is_string() ? std::find(names.begin(), names.end(), from.get<std::string>()) : names.end();
    if (found == names.end()) return std::nullopt;
    return static_cast<T>(found - names.begin());
  } else {
    if (!(std::same_as<T, bool> ? from.is_boolean() : std::same_as<T, double> ? from.is_number() : from.is_number_integer()))
      return std::nullopt;
    return from.get<T>();
  }
}

template <class T>
std::string expected_text() {
  if constexpr (std::is_enum_v<T>) {
    std::string text = "one of";
    for (auto const& name : names_of(T{})) text += " " + name;
    return text;
  } else {
    return std::same_as<T, bool> ? "true or false" : std::same_as<T, double> ? "a number" : "a whole number";
  }
}

/// @param what opens the message's subject: "shape field"
template <class T>
void read_field(io::json const& from, char const* name, T& field, std::string const& where, char const* what) {
  std::optional<T> const found = from.contains(name) ? field_of<T>(from[name]) : std::nullopt;
  if (!found)
    fail<format_error>(where, what, " '", name, "' is ", from.contains(name) ? from[name].dump() : "missing", ", expected ",
                       expected_text<T>());
  field = *found;
}

}  // namespace detail

inline io::json to_json(soundstorm_shape const& shape) {
  io::json made = io::json::object();
  detail::visit_shape(shape, [&](char const* name, auto value) { made[name] = detail::field_json(value); });
  return made;
}

/// Fields that checkpoints of version 0.1 lack have their defaults.
/// @throws format_error where another field is missing, or one is unknown or of another type; `where` opens the message
inline soundstorm_shape soundstorm_shape_of(io::json const& from, std::string const& where) {
  if (!from.is_object()) fail<format_error>(where, "the shape is ", from.type_name(), ", expected an object");
  soundstorm_shape shape;
  auto const read = [&](char const* name, auto& field) { detail::read_field(from, name, field, where, "shape field"); };
  detail::visit_first_shape(shape, read);
  detail::visit_later_shape(shape, [&](char const* name, auto& field) {
    if (from.contains(name)) read(name, field);
  });
  for (auto const& [key, value] : from.items())
    if (!to_json(shape).contains(key)) fail<format_error>(where, "shape field '", key, "' is unknown");
  return shape;
}

inline io::json to_json(soundstorm::semantic_rates const& rates) {
  io::json made = io::json::object();
  detail::visit_rates(rates, [&](char const* name, auto value) { made[name] = detail::field_json(value); });
  return made;
}

/// @throws format_error where a field is missing or of another type; `where` opens the message
inline soundstorm::semantic_rates semantic_rates_of(io::json const& from, std::string const& where) {
  if (!from.is_object()) fail<format_error>(where, "semantic_rates is ", from.type_name(), ", expected an object");
  soundstorm::semantic_rates rates;
  detail::visit_rates(rates, [&](char const* name, auto& field) { detail::read_field(from, name, field, where, "semantic_rates field"); });
  return rates;
}

/// The fields in which two shapes differ: `dim = 64, the model has 128; depth = 2, the model has 4`; empty where they agree.
inline std::string shape_differences(soundstorm_shape const& found, soundstorm_shape const& wanted) {
  std::string text;
  io::json const a = to_json(found), b = to_json(wanted);
  detail::visit_shape(found, [&](char const* name, auto) {
    if (a[name] != b[name]) text += message(text.empty() ? "" : "; ", name, " = ", a[name].dump(), ", the model has ", b[name].dump());
  });
  return text;
}

/// A model that knows the rates of its condition.
template <class Model>
concept has_semantic_rates = requires(Model const& model) {
  { model.options.rates } -> std::convertible_to<soundstorm::semantic_rates>;
};

/// A model whose configuration is known: one with a soundstorm_shape. Others are compared by their parameters' names and shapes.
template <class Model>
concept has_soundstorm_shape = requires(Model const& model) {
  { model.shape() } -> std::convertible_to<soundstorm_shape>;
};

}  // namespace SPEARSTORM_NS::train
