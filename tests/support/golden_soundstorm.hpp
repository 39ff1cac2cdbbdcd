#pragma once
// Golden files of SoundStorm as our types: shape, options, batch, drawn task, weights. See tests/golden/README.md.

#include <cmath>
#include <map>

#include "check_op.hpp"
#include "golden.hpp"
#include "spearstorm/soundstorm/model.hpp"
#include "spearstorm/soundstorm/state_dict.hpp"

namespace test {

class golden_soundstorm : public golden {
 public:
  explicit golden_soundstorm(std::string const& name) : golden(name), about_(about()), config(about_["config"]) {}

 private:
  ss::io::json const about_;

 public:
  ss::io::json const config;

  ss::soundstorm::generation generation() const { return ss::soundstorm::generation_named(config["generation"].get<std::string>()); }

  ss::soundstorm_shape shape() const {
    auto const& body = config["conformer"];
    auto const& storm = config["soundstorm"];
    using enum ss::soundstorm::generation;
    auto const as = generation();
    return {.codebook_size = config["codebook_size"],
            .num_quantizers = config["num_quantizers"],
            .body = {.dim = body["dim"],
                     .depth = body["depth"],
                     .dim_head = body["dim_head"],
                     .heads = body["heads"],
                     .ff_mult = body["ff_mult"],
                     .conv_expansion_factor = body["conv_expansion_factor"],
                     .conv_kernel_size = body["conv_kernel_size"],
                     .conv_causal = body["conv_causal"],
                     .t5_rel_pos_bias = body["t5_rel_pos_bias"],
                     .use_gateloop_layers = body.value("use_gateloop_layers", false),
                     .num_residual_streams = body.value("num_residual_streams", ss::index{1}),
                     .values = as == v0_4_11  ? ss::value_residual::none
                               : as == v0_5_0 ? ss::value_residual::average
                                              : ss::value_residual::learned},
            .grouped_quantizers = config["grouped_quantizers"],
            .num_semantic_token_ids = storm.value("num_semantic_token_ids", ss::index{0}),
            .semantic_dim = config["semantic_dim"],
            .self_cond = storm.value("self_cond", false),
            .self_token_critic = storm.value("self_token_critic", false)};
  }
  ss::soundstorm_options options() const {
    auto const& storm = config["soundstorm"];
    auto const rate = [&](char const* name) { return storm.value(name, ss::index{0}); };
    return {.rates = {.wav2vec_target_sample_hz = rate("wav2vec_target_sample_hz"),
                      .wav2vec_downsample_factor = rate("wav2vec_downsample_factor"),
                      .codec_target_sample_hz = rate("codec_target_sample_hz"),
                      .codec_downsample_factor = rate("codec_downsample_factor"),
                      .policy = ss::soundstorm::rate_policy::interpolate,
                      .max_misfit = 10}};  // the package cuts and pads whatever it is given
  }
  ss::soundstorm::loss_options loss() const {
    return {.only_train_generator = config["train"] == "generator",
            .only_train_critic = config["train"] == "critic",
            .critic_loss_weight = config["soundstorm"].value("critic_loss_weight", 1.0)};
  }

  ss::soundstorm::token_batch batch() const {
    using namespace ss::axes;
    ss::soundstorm::token_batch made{.codes = get<std::int32_t, ss::axes::batch<>, frames<>, levels<>>("input.codes")};
    if (contains("input.valid")) made.valid = get<ss::flag, ss::axes::batch<>, frames<>>("input.valid");
    if (contains("input.semantic")) made.semantic = get<std::int32_t, ss::axes::batch<>, frames<>>("input.semantic");
    return made;
  }
  /// The task that the file's masks make of its codes.
  ss::soundstorm::drawn_task task() const {
    using namespace ss::axes;
    auto const codes = get<std::int32_t, ss::axes::batch<>, frames<>, levels<>>("input.codes");
    ss::soundstorm::drawn_task made;
    made.self_cond = config["self_cond"] == "first";
    auto& mask = made.mask;
    mask.input = get<std::int32_t, ss::axes::batch<>, frames<>, levels<>>("input.masked");
    mask.target_mask = get<ss::flag, ss::axes::batch<>, frames<>>("input.chosen");
    for (auto level : get<std::int32_t, ss::axes::batch<>>("input.level")) mask.level.push_back(level);
    for (auto prompt : get<std::int32_t, ss::axes::batch<>>("input.prompt")) mask.prompt.push_back(prompt);
    mask.target = ss::token::id_array({codes.extent(0), codes.extent(1)});
    auto const level_of = [&](ss::index at) { return mask.level[static_cast<std::size_t>(at / codes.extent(1))]; };
    for (ss::index at = 0; at < mask.target.size(); ++at) mask.target.data()[at] = codes.data()[at * codes.extent(2) + level_of(at)];
    if (contains("input.sampled")) {
      auto const sampled = get<std::int32_t, ss::axes::batch<>, frames<>, levels<>>("input.sampled");
      for (auto at : ss::token::chosen_rows(mask).rows) made.sampled.push_back(sampled.data()[at * codes.extent(2) + level_of(at)]);
    }
    return made;
  }

  /// Any floating tensor of the file.
  std::vector<double> values(std::string const& name) const {
    auto const& info = info_of(name);
    ss::index n = 1;
    for (auto size : info.shape) n *= size;
    auto const all = [](auto const& host) { return std::vector<double>(host.begin(), host.end()); };
    if (info.dtype == "F64") return all(read_as<double, ss::axes::rows<>>(name, {n}));
    return all(read_as<float, ss::axes::rows<>>(name, {n}));
  }

  /// Reads the parameters into a model.
  template <class Model>
  void load(Model& model) const {
    ss::soundstorm::package_dict read;
    ss::soundstorm::from_package_(model, generation(), [&](std::string const& key) -> ss::soundstorm::package_tensor const* {
      if (auto const found = read.find(key); found != read.end()) return &found->second;
      if (!contains("param." + key)) return nullptr;
      auto const found = values("param." + key);
      return &(read[key] = {about_["state_dict"][key].get<std::vector<ss::index>>(), {found.begin(), found.end()}});
    });
  }

 private:
  ss::io::tensor_info const& info_of(std::string const& name) const {
    for (auto const& info : infos())
      if (info.name == name) return info;
    throw std::runtime_error(name + " is not in the golden file");
  }
};

/// Norm of the difference over the norm of what is expected.
inline double distance(std::vector<double> const& found, std::vector<double> const& expected) {
  double apart = 0, norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    apart += (found[i] - expected[i]) * (found[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  return norm > 0 ? std::sqrt(apart / norm) : std::sqrt(apart);
}

}  // namespace test
