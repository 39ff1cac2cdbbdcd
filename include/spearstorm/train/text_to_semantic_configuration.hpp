#pragma once
// What a checkpoint says about a TextToSemantic: its constructor's arguments, named as spear-tts-pytorch names them.

#include "spearstorm/spear_tts/package_configuration.hpp"

namespace SPEARSTORM_NS::train {

/// A model whose shape and options a checkpoint carries as `text_to_semantic`.
template <class Model>
concept has_text_to_semantic_shape = requires(Model const& model) {
  { model.shape } -> std::convertible_to<text_to_semantic_shape>;
  { model.options } -> std::convertible_to<text_to_semantic_options>;
};

/// Shape and options of a checkpoint's configuration: what to construct a TextToSemantic with before load_model_.
/// @throws format_error where the checkpoint's model is another, or a field is missing or of another type; `where` opens the message
inline spear_tts::package_configuration text_to_semantic_of(io::json const& configuration, std::string const& where) {
  if (!configuration.contains("text_to_semantic")) fail<format_error>(where, "its model is no TextToSemantic");
  return spear_tts::configuration_of(configuration["text_to_semantic"], where);
}

}  // namespace SPEARSTORM_NS::train
