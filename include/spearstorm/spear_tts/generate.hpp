#pragma once
// Generation: rows of one kind of ids in, rows of the other kind out.

#include "spearstorm/spear_tts/generate_beam.hpp"
#include "spearstorm/spear_tts/generate_sample.hpp"
#include "spearstorm/spear_tts/generate_speculative.hpp"
#include "spearstorm/spear_tts/sample_on_device.hpp"

namespace SPEARSTORM_NS::spear_tts {

/// Rows that have ended leave the batch. The source is encoded, and its keys and values are projected, once. Where the host cannot read the
/// policy's memory, plain sampling runs there and the host looks at the ids every 16 steps, unless filter_logits, repetition or on_token
/// have to see each token: then the logits of each step come to the host.
///
///   auto const made = spear_tts::generate(model, work, text_ids, token_kind::text, token_kind::speech, {.temperature = 0.7f});
///
/// @shape source (batch, frames), below 0 for padding, without its end
/// @throws value_error where ids or options are out of range, where options exclude each other, or where the model lacks what they ask for
/// @see   spear-tts-pytorch: TextToSemantic.generate
template <text_to_semantic_shape C, execution_policy Exec>
generated generate(text_to_semantic<C, Exec> const& of, workspace<Exec>& work, token::id_array const& source, token_kind from,
                   token_kind to, generate_options const& options = {}) {
  check_options(options, of.shape, of.options.cond_drop_prob, to);
  if (options.spec_decode) of.check_early_exit(from, to);
  inference<Exec> ctx{work};
  auto const encoded = of.encode(ctx, source, from);
  auto const read = sets_eos(of.shape, from) ? token::with_eos(source, eos_id(of.shape, from)) : source;
  std::int32_t const eos = sets_eos(of.shape, to) ? eos_id(of.shape, to) : -1;
  decoder_rows<C, Exec> rows(of, ctx, encoded, to, options.guidance());
  if (options.beam_search_decode) return generate_beam(rows, ctx, read, eos, options);
  if (options.spec_decode) return generate_speculative(rows, ctx, read, eos, of.shape.target_early_exit_layer, options);
  if constexpr (!Exec::memory::on_host)
    if (!detail::looks_at_each_token(options)) return sample_on_device(rows, ctx, read, eos, options);
  return generate_sample(rows, ctx, read, eos, options);
}

}  // namespace SPEARSTORM_NS::spear_tts
