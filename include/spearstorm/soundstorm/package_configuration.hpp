#pragma once
// The constructor arguments of soundstorm-pytorch that a package file carries as JSON, and our shape and options, both ways:
//
//   {"codebook_size": .., "num_quantizers": .., "grouped_quantizers": .., "semantic_dim": .., "conformer": {..}, "soundstorm": {..}}
//
// "conformer" holds arguments of Conformer, "soundstorm" those of SoundStorm; what we have no field for is kept as it is. "semantic_dim" is
// ours: the width of a semantic embedding that the package takes from a TextToSemantic.

#include "spearstorm/io/argument_reader.hpp"
#include "spearstorm/soundstorm/names.hpp"
#include "spearstorm/soundstorm/options.hpp"

namespace SPEARSTORM_NS::soundstorm {

struct package_configuration {
  soundstorm::generation generation = soundstorm::generation::v0_6_1;
  soundstorm_shape shape{};
  soundstorm_options options{};
  io::json arguments = io::json::object();       ///< all of them, those without a field of ours too
  std::map<std::string, std::string> aliases{};  ///< keys of a state_dict that are another key's tensor
  std::vector<std::string> keys{};               ///< of the state_dict in its order; empty: not known
};

namespace detail {

/// Calls each(path, field) for the fields of a shape that are arguments of this generation.
inline void visit_arguments(auto& shape, generation g, auto&& each) {
  each("codebook_size", shape.codebook_size);
  each("num_quantizers", shape.num_quantizers);
  each("grouped_quantizers", shape.grouped_quantizers);
  each("semantic_dim", shape.semantic_dim);
  each("conformer.dim", shape.body.dim);
  each("conformer.depth", shape.body.depth);
  each("conformer.dim_head", shape.body.dim_head);
  each("conformer.heads", shape.body.heads);
  each("conformer.ff_mult", shape.body.ff_mult);
  each("conformer.conv_expansion_factor", shape.body.conv_expansion_factor);
  each("conformer.conv_kernel_size", shape.body.conv_kernel_size);
  each("conformer.conv_causal", shape.body.conv_causal);
  each("conformer.t5_rel_pos_bias", shape.body.t5_rel_pos_bias);
  if (g == generation::v0_6_1)
    each("conformer.num_residual_streams", shape.body.num_residual_streams);
  else
    each("conformer.use_gateloop_layers", shape.body.use_gateloop_layers);
  each("soundstorm.self_cond", shape.self_cond);
  each("soundstorm.self_token_critic", shape.self_token_critic);
}
inline void visit_rate_arguments(auto& rates, auto&& each) {
  each("soundstorm.wav2vec_target_sample_hz", rates.wav2vec_target_sample_hz);
  each("soundstorm.wav2vec_downsample_factor", rates.wav2vec_downsample_factor);
  each("soundstorm.codec_target_sample_hz", rates.codec_target_sample_hz);
  each("soundstorm.codec_downsample_factor", rates.codec_downsample_factor);
}
inline void visit_dropouts(auto& body, auto&& each) {
  each("conformer.attn_dropout", body.attn_dropout);
  each("conformer.ff_dropout", body.ff_dropout);
  each("conformer.conv_dropout", body.conv_dropout);
}

inline void set_argument(io::json& all, std::string const& path, io::json value) {
  auto const dot = path.find('.');
  (dot == std::string::npos ? all[path] : all[path.substr(0, dot)][path.substr(dot + 1)]) = std::move(value);
}

}  // namespace detail

/// Our shape and options of the package's arguments, its rates' policy being `interpolate`.
/// @throws format_error where a field is missing or of another type; `where` opens the message
inline package_configuration configuration_of(generation g, io::json arguments, std::string const& where) {
  if (!arguments.is_object()) fail<format_error>(where, "the configuration is ", arguments.type_name(), ", expected an object");
  package_configuration made{.generation = g, .arguments = std::move(arguments)};
  io::argument_reader const from(made.arguments, where);
  auto const read = [&](std::string const& path, auto& field) { field = from.get<std::remove_reference_t<decltype(field)>>(path); };
  auto const read_if = [&](std::string const& path, auto& field) {
    if (from.has(path)) read(path, field);
  };
  made.shape.semantic_dim = 0;
  detail::visit_arguments(made.shape, g, [&](std::string const& path, auto& field) {
    if (path == "semantic_dim") return read_if(path, field);
    read(path, field);
  });
  made.shape.body.values = g == generation::v0_4_11  ? value_residual::none
                           : g == generation::v0_5_0 ? value_residual::average
                                                     : value_residual::learned;
  detail::visit_dropouts(made.options.body, read_if);
  if (from.has("soundstorm.pad_id")) made.options.pad_id = from.get<std::int32_t>("soundstorm.pad_id");
  bool const conditioned = from.has("soundstorm.wav2vec_target_sample_hz") && from.has("soundstorm.wav2vec_downsample_factor");
  if (conditioned) {  // as the package decides it
    read("soundstorm.num_semantic_token_ids", made.shape.num_semantic_token_ids);
    detail::visit_rate_arguments(made.options.rates, read);
    made.options.rates.policy = rate_policy::interpolate;
  }
  return made;
}

/// The package's arguments that make a model of this shape; `from` gives those for which there is no field.
inline io::json arguments_of(soundstorm_shape const& shape, soundstorm_options const& options, io::json from = io::json::object()) {
  auto const write = [&](std::string const& path, auto value) { detail::set_argument(from, path, value); };
  detail::visit_arguments(shape, generation_of(shape), write);
  detail::visit_dropouts(options.body, write);
  if (options.pad_id) write("soundstorm.pad_id", *options.pad_id);
  if (shape.num_semantic_token_ids == 0) return from;
  auto rates = options.rates;
  if (!rates.given())  // equal ones: the package has no condition without rates
    detail::visit_rate_arguments(rates, [](std::string const&, index& rate) { rate = 1; });
  write("soundstorm.num_semantic_token_ids", shape.num_semantic_token_ids);
  detail::visit_rate_arguments(rates, write);
  return from;
}

}  // namespace SPEARSTORM_NS::soundstorm
