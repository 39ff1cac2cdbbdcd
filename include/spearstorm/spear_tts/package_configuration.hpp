#pragma once
// The constructor arguments of spear-tts-pytorch's TextToSemantic that a package file carries as JSON, and our shape and options, both ways:
//
//   {"dim": .., "source_depth": .., "target_depth": .., "num_text_token_ids": .., "num_semantic_token_ids": .., ...}
//
// What we have no field for (the ids of padding, say) is kept as it is. "semantic_mask_token" is ours: the package has no such row.

#include <map>

#include "spearstorm/io/argument_reader.hpp"
#include "spearstorm/spear_tts/names.hpp"
#include "spearstorm/spear_tts/options.hpp"
#include "spearstorm/spear_tts/shape.hpp"

namespace SPEARSTORM_NS::spear_tts {

struct package_configuration {
  text_to_semantic_shape shape{};
  text_to_semantic_options options{};
  io::json arguments = io::json::object();       ///< all of them, those without a field of ours too
  std::map<std::string, std::string> aliases{};  ///< keys of a state_dict that are another key's tensor
  std::vector<std::string> keys{};               ///< of the state_dict in its order; empty: not known
};

namespace detail {

inline constexpr index openai_vocabulary = 49408;  ///< use_openai_tokenizer's num_text_token_ids

/// Calls each(name, field) for the fields of a shape that are arguments and always given.
inline void visit_sizes(auto& shape, auto&& each) {
  each("dim", shape.dim);
  each("source_depth", shape.source_depth);
  each("target_depth", shape.target_depth);
  each("num_semantic_token_ids", shape.num_semantic_token_ids);
  each("dim_head", shape.dim_head);
  each("heads", shape.heads);
  each("ff_mult", shape.ff_mult);
  each("autoset_semantic_eos_id", shape.autoset_semantic_eos_id);
  each("autoset_text_eos_id", shape.autoset_text_eos_id);
}
/// Of those that may be null there, 0 here.
inline void visit_optional_sizes(auto& shape, auto&& each) {
  each("target_kv_heads", shape.target_kv_heads);
  each("target_early_exit_layer", shape.target_early_exit_layer);
}
inline void visit_options(auto& options, auto&& each) {
  each("attn_dropout", options.attn_dropout);
  each("ff_dropout", options.ff_dropout);
  each("cond_drop_prob", options.cond_drop_prob);
  each("detach_early_exit_embed", options.detach_early_exit_embed);
  each("align_reg_loss_weight", options.align_reg_loss_weight);
  each("align_reg_use_logsumexp_pool", options.align_reg_use_logsumexp_pool);
  each("align_reg_logsumexp_pool_temp", options.align_reg_logsumexp_pool_temp);
}

}  // namespace detail

/// Our shape and options of the package's arguments; where an option is not given, the package's default.
/// @throws format_error where a size is missing or of another type; `where` opens the message
inline package_configuration configuration_of(io::json arguments, std::string const& where) {
  if (!arguments.is_object()) fail<format_error>(where, "the configuration is ", arguments.type_name(), ", expected an object");
  package_configuration made{.arguments = std::move(arguments)};
  io::argument_reader const from(made.arguments, where);
  auto const read = [&](std::string const& name, auto& field) { field = from.get<std::remove_reference_t<decltype(field)>>(name); };
  auto const read_if = [&](std::string const& name, auto& field) {
    if (from.has(name)) read(name, field);
  };
  detail::visit_sizes(made.shape, read);
  detail::visit_optional_sizes(made.shape, read_if);
  detail::visit_options(made.options, read_if);
  read_if("semantic_mask_token", made.shape.semantic_mask_token);
  if (from.get_or("use_openai_tokenizer", false))
    made.shape.num_text_token_ids = detail::openai_vocabulary;
  else
    read("num_text_token_ids", made.shape.num_text_token_ids);
  return made;
}

/// The package's arguments that make a model of this shape; `from` gives those for which there is no field.
inline io::json arguments_of(text_to_semantic_shape const& shape, text_to_semantic_options const& options,
                             io::json from = io::json::object()) {
  auto const write = [&](char const* name, auto value) { from[name] = value; };
  detail::visit_sizes(shape, write);
  detail::visit_optional_sizes(shape, [&](char const* name, index size) { from[name] = size > 0 ? io::json(size) : io::json(); });
  detail::visit_options(options, write);
  write("semantic_mask_token", shape.semantic_mask_token);
  bool const openai = from.contains("use_openai_tokenizer") && from["use_openai_tokenizer"] == true;
  if (openai && shape.num_text_token_ids == detail::openai_vocabulary)
    from["num_text_token_ids"] = nullptr;  // the package takes one or the other
  else
    from["num_text_token_ids"] = shape.num_text_token_ids, from["use_openai_tokenizer"] = false;
  return from;
}

/// In what a file's sizes differ from a model's (heads and dim_head, say, whose tensors may have the same shapes): lines that each open with
/// "\n  ".
inline std::string argument_differences(text_to_semantic_shape file, text_to_semantic_shape model) {
  for (auto* const shape : {&file, &model})
    if (shape->target_kv_heads == 0) shape->target_kv_heads = shape->heads;
  auto const found = arguments_of(file, {}), wanted = arguments_of(model, {});
  std::string text;
  for (auto const& [name, value] : wanted.items())
    if (found[name] != value) text += message("\n  ", name, " is ", found[name].dump(), ", the model has ", value.dump());
  return text;
}

}  // namespace SPEARSTORM_NS::spear_tts
