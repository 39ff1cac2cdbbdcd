#pragma once
// What a checkpoint says about its model, as JSON, so that a program can build the model before it reads a weight.

#include "spearstorm/io/json.hpp"
#include "spearstorm/soundstorm/shape.hpp"

namespace SPEARSTORM_NS::train {

namespace detail {

/// Calls each(name, field) for all sizes of a shape.
inline void visit_shape(auto& shape, auto&& each) {
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

}  // namespace detail

inline io::json to_json(soundstorm_shape const& shape) {
  io::json made = io::json::object();
  detail::visit_shape(shape, [&](char const* name, auto value) { made[name] = value; });
  return made;
}

/// @throws format_error where a field is missing, unknown, or of another type; `where` opens the message
inline soundstorm_shape soundstorm_shape_of(io::json const& from, std::string const& where) {
  if (!from.is_object()) fail<format_error>(where, "the shape is ", from.type_name(), ", expected an object");
  soundstorm_shape shape;
  std::size_t fields = 0;
  detail::visit_shape(shape, [&](char const* name, auto& field) {
    using value = std::remove_reference_t<decltype(field)>;
    bool const fits = from.contains(name) && (std::same_as<value, bool> ? from[name].is_boolean() : from[name].is_number_integer());
    if (!fits)
      fail<format_error>(where, "shape field '", name, "' is ", from.contains(name) ? from[name].dump() : "missing", ", expected ",
                         std::same_as<value, bool> ? "true or false" : "a whole number");
    field = from[name].template get<value>();
    ++fields;
  });
  for (auto const& [key, value] : from.items())
    if (!to_json(shape).contains(key)) fail<format_error>(where, "shape field '", key, "' is unknown");
  return shape;
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

/// A model whose configuration is known: one with a soundstorm_shape. Others are compared by their parameters' names and shapes.
template <class Model>
concept has_soundstorm_shape = requires(Model const& model) {
  { model.shape() } -> std::convertible_to<soundstorm_shape>;
};

}  // namespace SPEARSTORM_NS::train
