#include "spearstorm/spear_tts/options.hpp"
#include "option_table.hpp"
#include "spearstorm/spear_tts/generate_options.hpp"
#include "spearstorm/spear_tts/tasks.hpp"
#include "spearstorm/text/tokenize.hpp"
#include "spearstorm/train/pair_generator.hpp"
#if defined(SPEARSTORM_HAVE_UTF8PROC)
#include "spearstorm/text/clip_tokenizer.hpp"
#endif

namespace ss = spearstorm;

namespace {

using test::text;
std::string text(ss::token::count_rule value) { return value == ss::token::count_rule::exact ? "exact" : "bernoulli"; }
std::string text(ss::communicator const* value) { return value ? "set" : "none"; }

/// Our defaults as the code has them.
std::map<std::string, std::string> defaults() {
  std::map<std::string, std::string> all;
#define FIELD(TYPE, NAME) all[#TYPE "::" #NAME] = text(TYPE{}.NAME)
  using ss::text_to_semantic_options, ss::text_to_semantic_shape, ss::transformer_options, ss::transformer_shape;
  using ss::spear_tts::generate_options, ss::spear_tts::loss_options, ss::spear_tts::pretraining_options;
  using ss::text::tokenize_options;
  using ss::token::deletion_options, ss::token::repetition_options;
  using ss::train::load_pairs_options, ss::train::pair_generator_options, ss::train::pair_writer_options;
  FIELD(text_to_semantic_shape, dim);
  FIELD(text_to_semantic_shape, source_depth);
  FIELD(text_to_semantic_shape, target_depth);
  FIELD(text_to_semantic_shape, num_text_token_ids);
  FIELD(text_to_semantic_shape, num_semantic_token_ids);
  FIELD(text_to_semantic_shape, dim_head);
  FIELD(text_to_semantic_shape, heads);
  FIELD(text_to_semantic_shape, target_kv_heads);
  FIELD(text_to_semantic_shape, ff_mult);
  FIELD(text_to_semantic_shape, autoset_semantic_eos_id);
  FIELD(text_to_semantic_shape, autoset_text_eos_id);
  FIELD(text_to_semantic_shape, target_early_exit_layer);
  FIELD(text_to_semantic_shape, semantic_mask_token);
  FIELD(text_to_semantic_options, attn_dropout);
  FIELD(text_to_semantic_options, ff_dropout);
  FIELD(text_to_semantic_options, cond_drop_prob);
  FIELD(text_to_semantic_options, detach_early_exit_embed);
  FIELD(text_to_semantic_options, align_reg_loss_weight);
  FIELD(text_to_semantic_options, align_reg_use_logsumexp_pool);
  FIELD(text_to_semantic_options, align_reg_logsumexp_pool_temp);
  FIELD(text_to_semantic_options, starts_at_log_vocabulary);
  FIELD(transformer_shape, dim);
  FIELD(transformer_shape, depth);
  FIELD(transformer_shape, dim_head);
  FIELD(transformer_shape, heads);
  FIELD(transformer_shape, kv_heads);
  FIELD(transformer_shape, ff_mult);
  FIELD(transformer_shape, causal);
  FIELD(transformer_shape, cross_attend);
  FIELD(transformer_options, attn_dropout);
  FIELD(transformer_options, ff_dropout);
  FIELD(loss_options, return_early_exit_loss);
  FIELD(loss_options, should_sim_regularize);
  FIELD(loss_options, cond_drop_prob);
  FIELD(loss_options, drops_per_example);
  FIELD(loss_options, ranks);
  FIELD(pretraining_options, reconstruct_seq);
  FIELD(pretraining_options, mask_deleted);
  FIELD(deletion_options, deletion_prob);
  FIELD(deletion_options, rule);
  FIELD(generate_options, max_length);
  FIELD(generate_options, temperature);
  FIELD(generate_options, filter_thres);
  FIELD(generate_options, top_k);
  FIELD(generate_options, top_p);
  FIELD(generate_options, filter_logits);
  FIELD(repetition_options, window);
  FIELD(repetition_options, threshold);
  FIELD(generate_options, beam_search_decode);
  FIELD(generate_options, beam_size);
  FIELD(generate_options, length_penalty);
  FIELD(generate_options, n_best);
  FIELD(generate_options, spec_decode);
  FIELD(generate_options, spec_decode_gamma);
  FIELD(generate_options, spec_decode_lenience);
  FIELD(generate_options, cond_scale);
  FIELD(generate_options, cond_rescale);
  FIELD(generate_options, keep_eos);
  FIELD(generate_options, first_example);
  FIELD(generate_options, on_token);
  FIELD(generate_options, progress);
  FIELD(tokenize_options, context_length);
  FIELD(tokenize_options, truncate_text);
  FIELD(tokenize_options, pad_to_context_length);
  FIELD(pair_generator_options, batch_size);
  FIELD(pair_generator_options, text_eos);
  FIELD(pair_generator_options, unique_consecutive);
  FIELD(pair_generator_options, progress);
  FIELD(pair_writer_options, shard_rows);
  FIELD(pair_writer_options, rank);
  FIELD(pair_writer_options, size);
  FIELD(load_pairs_options, unfinished);
#if defined(SPEARSTORM_HAVE_UTF8PROC)
  using ss::text::clip_options;
  FIELD(clip_options, merges);
#else
  all["clip_options::merges"] = "48894";  // not compiled here
#endif
#undef FIELD
  return all;
}

}  // namespace

TEST_CASE("spear_tts/options: docs/options.md says of every option what the code says") {
  test::check_option_table("SPEAR-TTS", defaults());
}

TEST_CASE("spear_tts/options: what composes another model's defaults composes these") {
  auto const& alignment = ss::spear_tts::alignment_options{};
  CHECK(alignment.use_logsumexp_pool == ss::text_to_semantic_options{}.align_reg_use_logsumexp_pool);
  CHECK(alignment.logsumexp_pool_temp == ss::text_to_semantic_options{}.align_reg_logsumexp_pool_temp);
  CHECK(ss::token::beam_options{}.beam_size == ss::spear_tts::generate_options{}.beam_size);
}
