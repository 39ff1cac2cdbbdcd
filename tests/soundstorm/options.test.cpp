#include "spearstorm/soundstorm/options.hpp"
#include "option_table.hpp"
#include "spearstorm/soundstorm/generate_options.hpp"
#include "spearstorm/soundstorm/shape.hpp"

namespace ss = spearstorm;

namespace {

using test::text;
std::string text(ss::value_residual value) {
  return value == ss::value_residual::none ? "none" : value == ss::value_residual::average ? "average" : "learned";
}
std::string text(ss::token::count_rule value) { return value == ss::token::count_rule::exact ? "exact" : "bernoulli"; }
std::string text(ss::soundstorm::rate_policy value) {
  return value == ss::soundstorm::rate_policy::repeat        ? "repeat"
         : value == ss::soundstorm::rate_policy::interpolate ? "interpolate"
                                                             : "nearest";
}
std::string text(ss::soundstorm::decoding value) { return value == ss::soundstorm::decoding::paper ? "paper" : "soundstorm_pytorch"; }
/// By what it gives: a half at a third of the time, or at half of it.
std::string text(ss::token::schedule const& value) {
  return std::abs(value(0.5f) - 0.5f) < 1e-6f ? "linear" : std::abs(value(2.0f / 3) - 0.5f) < 1e-5f ? "cosine" : "another";
}

/// Our defaults as the code has them.
std::map<std::string, std::string> defaults() {
  std::map<std::string, std::string> all;
#define FIELD(TYPE, NAME) all[#TYPE "::" #NAME] = text(TYPE{}.NAME)
  using ss::conformer_options, ss::conformer_shape, ss::soundstorm_options, ss::soundstorm_shape;
  using ss::soundstorm::generate_options, ss::soundstorm::loss_options, ss::soundstorm::semantic_rates, ss::token::mask_options;
  FIELD(conformer_shape, dim);
  FIELD(conformer_shape, depth);
  FIELD(conformer_shape, dim_head);
  FIELD(conformer_shape, heads);
  FIELD(conformer_shape, ff_mult);
  FIELD(conformer_shape, conv_expansion_factor);
  FIELD(conformer_shape, conv_kernel_size);
  FIELD(conformer_shape, conv_causal);
  FIELD(conformer_shape, t5_rel_pos_bias);
  FIELD(conformer_shape, use_gateloop_layers);
  FIELD(conformer_shape, num_residual_streams);
  FIELD(conformer_shape, values);
  FIELD(conformer_options, attn_dropout);
  FIELD(conformer_options, ff_dropout);
  FIELD(conformer_options, conv_dropout);
  FIELD(soundstorm_shape, codebook_size);
  FIELD(soundstorm_shape, num_quantizers);
  FIELD(soundstorm_shape, grouped_quantizers);
  FIELD(soundstorm_shape, num_semantic_token_ids);
  FIELD(soundstorm_shape, self_cond);
  FIELD(soundstorm_shape, self_token_critic);
  FIELD(soundstorm_options, pad_id);
  FIELD(semantic_rates, wav2vec_target_sample_hz);
  FIELD(semantic_rates, wav2vec_downsample_factor);
  FIELD(semantic_rates, codec_target_sample_hz);
  FIELD(semantic_rates, codec_downsample_factor);
  FIELD(semantic_rates, policy);
  FIELD(semantic_rates, max_misfit);
  FIELD(mask_options, schedule);
  FIELD(mask_options, rule);
  FIELD(mask_options, min_mask);
  FIELD(mask_options, prompt);
  FIELD(mask_options, per_example);
  FIELD(mask_options, no_replace_prob);
  FIELD(mask_options, random_token_prob);
  FIELD(mask_options, coin_prob);
  FIELD(mask_options, replaced_in_loss);
  FIELD(loss_options, self_cond_train_prob);
  FIELD(loss_options, only_train_generator);
  FIELD(loss_options, only_train_critic);
  FIELD(loss_options, critic_loss_weight);
  FIELD(loss_options, generator_sample_temperature);
  FIELD(loss_options, cond_drop_prob);
  FIELD(generate_options, num_latents);
  FIELD(generate_options, seconds);
  FIELD(generate_options, batch_size);
  FIELD(generate_options, decoding);
  FIELD(generate_options, steps);
  FIELD(generate_options, num_full_sampling_levels);
  FIELD(generate_options, schedule);
  FIELD(generate_options, start_temperature);
  FIELD(generate_options, end_temperature);
  FIELD(generate_options, filter_thres);
  FIELD(generate_options, top_k);
  FIELD(generate_options, top_p);
  FIELD(generate_options, cond_scale);
  FIELD(generate_options, cond_rescale);
  FIELD(generate_options, confidence_noise);
  FIELD(generate_options, noise_level_scale);
  FIELD(generate_options, can_mask_prev_unmasked);
#undef FIELD
  return all;
}

}  // namespace

TEST_CASE("soundstorm/options: docs/options.md says of every option what the code says") {
  test::check_option_table("SoundStorm", defaults());
}
