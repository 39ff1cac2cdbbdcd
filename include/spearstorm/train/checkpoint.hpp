#pragma once
// One safetensors file holds all that a run needs to go on: parameters (`model.`), moments (`adamw.mean.`, `adamw.square.`), where there is
// one the average of the weights (`ema.`), and in the metadata the step, the random state and the configuration.

#include "spearstorm/io/metadata.hpp"
#include "spearstorm/io/parameters.hpp"
#include "spearstorm/optim/adamw.hpp"
#include "spearstorm/optim/ema.hpp"
#include "spearstorm/train/configuration.hpp"
#include "spearstorm/train/text_to_semantic_configuration.hpp"

namespace SPEARSTORM_NS::train {

inline constexpr std::string_view checkpoint_format = "spearstorm.checkpoint";
inline constexpr index checkpoint_version = 1;

struct checkpoint_info {
  std::string library;  ///< the version that wrote it
  index step = 0;       ///< training steps done
  index optimizer_steps = 0;
  index ema_steps = 0;  ///< 0: there is no average
  random_state random;
  io::json configuration;  ///< `soundstorm` and `semantic_rates`, or `text_to_semantic`, where the model is one; and what the writer added
};

namespace detail {

inline checkpoint_info checkpoint_info_of(io::safetensors_file const& file, std::string const& where) {
  io::metadata_reader const metadata(file.metadata(), where);
  metadata.require(checkpoint_format, checkpoint_version);
  return {.library = metadata.text("library"),
          .step = metadata.number<index>("step"),
          .optimizer_steps = metadata.number<index>("optimizer_steps"),
          .ema_steps = file.metadata().contains("ema_steps") ? metadata.number<index>("ema_steps") : 0,
          .random = {metadata.number<std::uint64_t>("random_seed"), metadata.number<std::uint32_t>("random_step"),
                     metadata.number<std::uint32_t>("random_layers")},
          .configuration = io::parse_json(metadata.text("configuration"), where + "configuration")};
}

inline std::string checkpoint_where(std::filesystem::path const& path) { return "load_checkpoint: '" + path.string() + "': "; }

/// @throws format_error where the configuration tells of another shape
template <class Model>
void check_shape(checkpoint_info const& info, Model const& model, std::string const& where) {
  if constexpr (has_soundstorm_shape<Model>) {
    if (!info.configuration.contains("soundstorm")) fail<format_error>(where, "its model is no SoundStorm");
    auto const differences = shape_differences(soundstorm_shape_of(info.configuration["soundstorm"], where), model.shape());
    if (!differences.empty()) fail<format_error>(where, "was made by a model of another shape: ", differences);
  }
  if constexpr (has_text_to_semantic_shape<Model>) {
    auto const differences = spear_tts::argument_differences(text_to_semantic_of(info.configuration, where).shape, model.shape);
    if (!differences.empty()) fail<format_error>(where, "was made by a model of another shape:", differences);
  }
}

}  // namespace detail

/// @throws io_error where the system refuses, format_error where the file is no checkpoint or of another version
inline checkpoint_info read_checkpoint_info(std::filesystem::path const& path) {
  return detail::checkpoint_info_of(io::safetensors_file(path), detail::checkpoint_where(path));
}

/// The shape of the SoundStorm in a checkpoint: what to construct a model with before load_model_.
inline soundstorm_shape read_configuration(std::filesystem::path const& path) {
  auto const info = read_checkpoint_info(path);
  if (!info.configuration.contains("soundstorm")) fail<format_error>(detail::checkpoint_where(path), "its model is no SoundStorm");
  return soundstorm_shape_of(info.configuration["soundstorm"], detail::checkpoint_where(path));
}

/// The rates of that SoundStorm's condition: the constructor's other argument. Not given in a checkpoint of version 0.1.
inline soundstorm::semantic_rates read_semantic_rates(std::filesystem::path const& path) {
  auto const info = read_checkpoint_info(path);
  if (!info.configuration.contains("semantic_rates")) return {};
  return semantic_rates_of(info.configuration["semantic_rates"], detail::checkpoint_where(path));
}

/// Shape and options of the TextToSemantic in a checkpoint.
inline spear_tts::package_configuration read_text_to_semantic(std::filesystem::path const& path) {
  return text_to_semantic_of(read_checkpoint_info(path).configuration, detail::checkpoint_where(path));
}

/// Writes the file whole or not at all. `configuration` is an object of the writer's; the model's shape and rates are added to it.
/// @param average of the weights, where one is kept
/// @throws io_error where the system refuses; an older file stays intact then
template <execution_policy Exec, class Model>
void save_checkpoint(std::filesystem::path const& path, workspace<Exec> const& work, Model const& model,
                     optim::adamw<Exec> const& optimizer, index step, io::json configuration = io::json::object(),
                     optim::ema<Exec> const* average = nullptr) {
  using value = typename Exec::param_type;
  if constexpr (has_soundstorm_shape<Model>) configuration["soundstorm"] = to_json(model.shape());
  if constexpr (has_semantic_rates<Model>) configuration["semantic_rates"] = to_json(model.options.rates);
  if constexpr (has_text_to_semantic_shape<Model>) configuration["text_to_semantic"] = spear_tts::arguments_of(model.shape, model.options);
  io::stored_tensors kept;
  io::store_parameters<value>(kept, model, "model");
  auto slot = optimizer.slots().begin();
  if (!optimizer.slots().empty())
    for_each_parameter(model, [&](std::string const& name, auto const& p) {
      std::vector<value> host(static_cast<std::size_t>(p.size()));
      Exec::memory::copy_out(host.data(), slot->mean.data(), host.size() * sizeof(value));
      kept.add<value>("adamw.mean." + name, p.extents(), host);
      Exec::memory::copy_out(host.data(), slot->square.data(), host.size() * sizeof(value));
      kept.add<value>("adamw.square." + name, p.extents(), host);
      ++slot;
    });
  bool const averaged = average && average->steps() > 0;
  if (averaged) {
    auto mean = average->slots().begin();
    for_each_parameter(model, [&](std::string const& name, auto const& p) {
      std::vector<value> host(static_cast<std::size_t>(p.size()));
      Exec::memory::copy_out(host.data(), (mean++)->values.data(), host.size() * sizeof(value));
      kept.add<value>("ema." + name, p.extents(), host);
    });
  }
  random_state const random = work.random();
  io::safetensors_writer writer(path);
  writer.metadata("format", std::string(checkpoint_format)).metadata("format_version", io::number_text(checkpoint_version));
  writer.metadata("library", SPEARSTORM_VERSION).metadata("step", io::number_text(step)).metadata("configuration", configuration.dump());
  writer.metadata("optimizer_steps", io::number_text(optimizer.steps())).metadata("random_seed", io::number_text(random.seed));
  writer.metadata("random_step", io::number_text(random.step)).metadata("random_layers", io::number_text(random.layers));
  if (averaged) writer.metadata("ema_steps", io::number_text(average->steps()));
  kept.show(writer);
  writer.commit();
}

/// Parameters only, for who generates: their average, where the checkpoint has one.
/// @throws as load_checkpoint_
template <class Model>
checkpoint_info load_model_(std::filesystem::path const& path, Model& model, bool average = true) {
  io::safetensors_file const file(path);
  auto info = detail::checkpoint_info_of(file, detail::checkpoint_where(path));
  detail::check_shape(info, model, detail::checkpoint_where(path));
  io::load_parameters_(file, model, average && info.ema_steps > 0 ? "ema" : "model", path.string());
  return info;
}

/// Restores parameters, moments, steps and random state: training goes on as if it had not stopped. Nothing changes where something does
/// not fit.
/// @param average restored as well, where the checkpoint has one
/// @throws io_error where the system refuses; format_error where the file is no checkpoint, of another version or of another model
template <execution_policy Exec, class Model>
checkpoint_info load_checkpoint_(std::filesystem::path const& path, workspace<Exec>& work, Model& model, optim::adamw<Exec>& optimizer,
                                 optim::ema<Exec>* average = nullptr) {
  using value = typename Exec::param_type;
  io::safetensors_file const file(path);
  auto info = detail::checkpoint_info_of(file, detail::checkpoint_where(path));
  detail::check_shape(info, model, detail::checkpoint_where(path));
  bool const moments = info.optimizer_steps > 0;
  io::name_differences differences;
  io::compare_parameters(differences, file, model, "model");
  if (moments) io::compare_parameters(differences, file, model, "adamw.mean");
  if (moments) io::compare_parameters(differences, file, model, "adamw.square");
  if (average && info.ema_steps > 0) io::compare_parameters(differences, file, model, "ema");
  differences.require_none("load_checkpoint", path.string());

  io::load_parameters_(file, model, "model", path.string());
  optimizer = optim::adamw<Exec>(optimizer.options);
  optimizer.restore_steps_(model, info.optimizer_steps);
  if (moments)
    for (auto& slot : optimizer.slots()) {
      std::vector<value> host(static_cast<std::size_t>(slot.mean.size()));
      file.read_converted<value>("adamw.mean." + slot.name, host);
      Exec::memory::copy_in(slot.mean.data(), host.data(), host.size() * sizeof(value));
      file.read_converted<value>("adamw.square." + slot.name, host);
      Exec::memory::copy_in(slot.square.data(), host.data(), host.size() * sizeof(value));
    }
  if (average) average->restore_steps_(model, info.ema_steps);
  if (average)
    for (auto& slot : average->slots()) {
      std::vector<value> host(static_cast<std::size_t>(slot.values.size()));
      file.read_converted<value>("ema." + slot.name, host);
      Exec::memory::copy_in(slot.values.data(), host.data(), host.size() * sizeof(value));
    }
  work.restore_(info.random);
  return info;
}

}  // namespace SPEARSTORM_NS::train
