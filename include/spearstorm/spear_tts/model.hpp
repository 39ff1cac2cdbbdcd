#pragma once
// SPEAR-TTS's sequence model: text or speech in, text or speech out.

#include "spearstorm/nn/transformer.hpp"
#include "spearstorm/ops/cross_entropy.hpp"
#include "spearstorm/ops/embed.hpp"
#include "spearstorm/ops/gather_rows.hpp"
#include "spearstorm/spear_tts/alignment.hpp"
#include "spearstorm/spear_tts/early_exit.hpp"
#include "spearstorm/spear_tts/options.hpp"
#include "spearstorm/spear_tts/sequence_ids.hpp"

namespace SPEARSTORM_NS {
namespace spear_tts {

/// An encoded source: what the decoder attends to.
template <class Features>
struct encoded_source {
  Features features;        ///< (batch, frames, dim)
  token::flag_array valid;  ///< (batch, frames), on the host
};

/// @see spear-tts-pytorch: TextToSemantic.forward
template <class Loss>
struct loss_result {
  Loss total;                      ///< () what training descends on
  Loss tokens;                     ///< () mean cross-entropy of the target's ids, its end included
  std::optional<Loss> early_exit;  ///< () the same of the early exit
  std::optional<Loss> alignment;   ///< () before it is weighted; none where fewer than two sources are hidden
  target_rows rows;                ///< which positions entered
};

/// What the decoder is told beside features.
struct decoder_inputs {
  tensor<std::int32_t, axes::batch<>, axes::frames<>> ids;
  tensor<flag, axes::batch<>, axes::frames<>> context;  ///< (batch, 1 + source frames), 1 for what it may see
};

}  // namespace spear_tts

/// Embeddings are shared with the logits of their kind, so one model reads and writes both.
/// @see SPEAR-TTS (arXiv 2302.03540) section 4;  spear-tts-pytorch: TextToSemantic
template <text_to_semantic_shape C, execution_policy Exec>
struct text_to_semantic {
  static constexpr transformer_shape source_type = C.source(), target_type = C.target();
  using exec_type = Exec;
  using value_type = typename Exec::value_type;
  using width = axes::dim<C.dim>;
  using features = tensor<value_type, axes::batch<>, axes::frames<>, width>;
  using table = parameter<Exec, axes::vocab<>, width>;
  using kind = spear_tts::token_kind;
  using encoded = spear_tts::encoded_source<features>;
  using decoder_inputs = spear_tts::decoder_inputs;

  text_to_semantic_shape shape;
  text_to_semantic_options options;
  table text_token_emb, semantic_token_emb;
  parameter<Exec, width> text_start_token, semantic_start_token;
  std::optional<parameter<Exec, width>> semantic_mask_token;
  transformer<source_type, Exec> source_transformer;
  transformer<target_type, Exec> target_transformer;
  std::optional<spear_tts::early_exit_head<C.dim, Exec>> early_exit;

  /// @throws shape_error, value_error as resolve; value_error where an option is out of range
  explicit text_to_semantic(workspace<Exec>& work, text_to_semantic_shape const& c = C, text_to_semantic_options const& with = {})
      : shape(spear_tts::resolve(C, c)),
        options(with),
        text_token_emb(work, {spear_tts::classes(c, kind::text), c.dim}, initialiser::normal(1)),
        semantic_token_emb(work, {spear_tts::classes(c, kind::speech), c.dim}, initialiser::normal(1)),
        text_start_token(work, {c.dim}, initialiser::normal(1)),
        semantic_start_token(work, {c.dim}, initialiser::normal(1)),
        source_transformer(work, c.source(), {with.attn_dropout, with.ff_dropout, with.recompute}),
        target_transformer(work, c.target(), {with.attn_dropout, with.ff_dropout, with.recompute}) {
    spear_tts::check_options(with);
    if (c.semantic_mask_token) semantic_mask_token.emplace(work, sizes<1>{c.dim}, initialiser::normal(1));
    if (c.target_early_exit_layer > 0) early_exit.emplace(work, c.dim, spear_tts::classes(c, kind::speech));
    if (with.starts_at_log_vocabulary) {
      // a logit of the id just read, whose embedding the features hold, is below 1 then; the others are smaller
      auto const scale = static_cast<typename Exec::param_type>(1 / static_cast<double>(c.dim));
      target_transformer.final_norm.gamma.assign_(std::vector<typename Exec::param_type>(static_cast<std::size_t>(c.dim), scale));
    }
  }

  table const& token_emb(kind of) const { return of == kind::text ? text_token_emb : semantic_token_emb; }
  parameter<Exec, width> const& start_token(kind of) const { return of == kind::text ? text_start_token : semantic_start_token; }

  // -- parts

  /// @shape source (batch, frames), below 0 for padding, without its end  returns features (batch, frames, dim), the end's included
  /// @throws value_error where an id is out of range
  encoded encode(context<Exec> auto& ctx, token::id_array const& source, kind from) const {
    spear_tts::check_ids("source", source, from, shape);
    return encode(ctx, spear_tts::entered(source, from, shape, true), from);
  }
  /// The same of ids that are checked and ended.
  encoded encode(context<Exec> auto& ctx, spear_tts::entered_ids const& given, kind from) const {
    ops::frame_mask mask;
    if (given.padded()) mask = ctx.upload(given.valid);
    auto const x = source_embedding(ctx, given, from);                             // (batch, frames, dim)
    return {source_transformer(ctx, x, mask), given.valid};
  }
  /// What the decoder is told beside features, in the policy's memory.
  /// @param source the source's frames, (batch, source frames), 1 for a real one
  decoder_inputs enter_decoder(context<Exec> auto& ctx, spear_tts::entered_ids const& ids, token::flag_array const& source,
                               std::span<flag const> hidden = {}) const {
    check_size("text_to_semantic", "target", "batch", ids.ids.extent(0), "source", source.extent(0));
    return {ctx.upload(ids.ids), ctx.upload(spear_tts::context_mask(source, hidden))};
  }
  /// The decoder's features: those of frame t predict the t-th id of the target. Ids behind a row's end are seen by nobody.
  /// @param hidden (batch), 1 where the decoder sees the null key in place of the source; empty: nowhere
  /// @param layer  called with (layer, features) behind each layer
  /// @shape ids (batch, frames)  returns (batch, 1 + frames, dim)
  template <class Layer = nn::ignore_layers>
  features decode(context<Exec> auto& ctx, spear_tts::entered_ids const& ids, kind to, encoded const& source,
                  std::span<flag const> hidden = {}, Layer&& layer = {}) const {
    return decode(ctx, enter_decoder(ctx, ids, source.valid, hidden), to, source.features, layer);  // (batch, 1 + frames, dim)
  }
  template <class Layer = nn::ignore_layers>
  features decode(context<Exec> auto& ctx, decoder_inputs const& given, kind to, features const& source, Layer&& layer = {}) const {
    auto const e = ops::embed(ctx, token_emb(to), given.ids);                      // (batch, frames, dim)
    auto const x = ops::prepend_row(ctx, start_token(to), e);                      // (batch, 1 + frames, dim)
    return target_transformer(ctx, x, {}, source, ops::frame_mask(given.context), layer);  // (batch, 1 + frames, dim)
  }
  /// @shape x (..., dim)  returns (..., vocab): the ids of this kind, then its end
  auto to_logits(context<Exec> auto& ctx, auto const& x, kind to) const { return ops::linear<axes::vocab<>>(ctx, x, token_emb(to)); }

  /// Logits at every position of the batch, the start's first.
  /// @shape source (batch, frames)  target (batch, other frames)  returns (batch, 1 + other frames, vocab)
  /// @see   spear-tts-pytorch: forward without return_loss
  auto logits(context<Exec> auto& ctx, token::pair_batch const& batch, kind from, kind to, std::span<flag const> hidden = {}) const {
    spear_tts::check_ids("target", batch.target, to, shape);
    auto const source = encode(ctx, batch.source, from);
    return to_logits(ctx, decode(ctx, spear_tts::entered(batch.target, to, shape, false), to, source, hidden), to);
  }

  // -- training

  /// Which examples' sources are hidden this step: a coin each, by global example index; or one for all.
  std::vector<flag> draw_hidden(context<Exec> auto& ctx, index batch, spear_tts::loss_options const& with) const {
    double const probability = with.cond_drop_prob.value_or(options.cond_drop_prob);
    check_range("text_to_semantic", "cond_drop_prob", probability, 0.0, 1.0);
    auto const coins = ctx.stream("spear_tts/hidden");
    std::vector<flag> hidden;
    if (probability > 0)
      for (index b = 0; b < batch; ++b)
        hidden.push_back(coins.uniform(with.drops_per_example ? ctx.options().first_example + static_cast<std::uint32_t>(b) : 0, 0) <
                         probability);
    return hidden;
  }
  /// @shape batch.source (batch, frames)  batch.target (batch, other frames), both below 0 for padding, without their ends
  /// @throws value_error, shape_error where the two do not fit the model or each other
  auto loss(context<Exec> auto& ctx, token::pair_batch const& batch, kind from, kind to, spear_tts::loss_options const& with = {}) const {
    return loss_of(ctx, batch, from, to, draw_hidden(ctx, batch.source.extent(0), with), with);
  }
  /// The loss where `hidden` examples' sources are hidden. Logits are made of real positions only.
  auto loss_of(context<Exec> auto& ctx, token::pair_batch const& batch, kind from, kind to, std::vector<flag> const& hidden,
               spear_tts::loss_options const& with = {}) const {
    if (with.return_early_exit_loss) check_early_exit(from, to);
    spear_tts::check_ids("target", batch.target, to, shape);
    spear_tts::check_ids("source", batch.source, from, shape);
    auto const entered = spear_tts::entered(batch.source, from, shape, true);
    auto const ended = spear_tts::entered(batch.target, to, shape, true);
    auto const compared = rows_to_align(from, to, hidden, with);
    // The end is read only where its features are compared: nothing is predicted behind it.
    auto const read = compared ? ended : spear_tts::entered(batch.target, to, shape, false);
    auto const rows = spear_tts::rows_of_targets(ended, read.ids.extent(1) + 1);
    if (rows.targets.size() == 0) fail<value_error>("text_to_semantic: the target has no ids to predict, expected at least one");
    // What is copied in comes first: a device that computes would be waited for.
    auto const inputs = enter_decoder(ctx, read, entered.valid, hidden);
    auto const at = ctx.upload(rows.rows);                                         // (rows)
    auto const targets = ctx.upload(rows.targets);                                 // (rows)
    auto const source = encode(ctx, entered, from);
    std::optional<features> before;
    auto const x = decode(ctx, inputs, to, source.features, [&](index layer, auto const& h) {
      if (with.return_early_exit_loss && layer == shape.target_early_exit_layer) before = h;
    });                                                                            // (batch, 1 + frames, dim)
    auto const tokens = ops::cross_entropy(ctx, to_logits(ctx, ops::gather_rows(ctx, x, at), to), targets);  // ()
    using loss = std::remove_const_t<decltype(tokens)>;
    spear_tts::loss_result<loss> made{tokens, tokens, {}, {}, rows};
    if (before) {
      auto const seen = options.detach_early_exit_embed ? detach(ctx, *before) : *before;  // (batch, 1 + frames, dim)
      made.early_exit = ops::cross_entropy(ctx, (*early_exit)(ctx, ops::gather_rows(ctx, seen, at)), targets);  // ()
      made.total = ctx.eval(made.total + *made.early_exit);                        // ()
    }
    if (compared) made.alignment = alignment(ctx, source, x, read, *compared, with);  // ()
    if (made.alignment) made.total = ctx.eval(made.total + *made.alignment * options.align_reg_loss_weight);  // ()
    return made;
  }

  /// @throws value_error where there is no early exit, or it is not of this task
  void check_early_exit(kind from, kind to) const {
    if (!early_exit)
      fail<value_error>("text_to_semantic: target_early_exit_layer = 0, expected 1 to ", shape.target_depth, ": no early exit was built");
    if (from != kind::text || to != kind::speech)
      fail<value_error>("text_to_semantic: the early exit is asked for ", name_of(from), " to ", name_of(to), ", expected text to speech");
  }

  static void visit(auto& self, auto&& each) {
    each("text_token_emb", self.text_token_emb);
    each("semantic_token_emb", self.semantic_token_emb);
    each("text_start_token", self.text_start_token);
    each("semantic_start_token", self.semantic_start_token);
    each("semantic_mask_token", self.semantic_mask_token);
    each("source_transformer", self.source_transformer);
    each("target_transformer", self.target_transformer);
    each("early_exit", self.early_exit);
  }

 private:
  features source_embedding(context<Exec> auto& ctx, spear_tts::entered_ids const& given, kind from) const {
    if (!semantic_mask_token || from != kind::speech) return ops::embed(ctx, token_emb(from), ctx.upload(given.ids));  // (batch, frames, dim)
    auto ids = given.ids;
    array<float, axes::batch<>, axes::frames<>> masked(ids.extents()), shown(ids.extents());
    for (index i = 0; i < ids.size(); ++i) {
      bool const is_mask = ids.data()[i] == spear_tts::mask_id(shape);
      masked.data()[i] = is_mask, shown.data()[i] = !is_mask;
      if (is_mask) ids.data()[i] = 0;
    }
    auto const e = features(ops::embed(ctx, token_emb(from), ctx.upload(ids)));    // (batch, frames, dim)
    auto const row = expand<axes::batch>(expand<axes::frames>(ctx.use(*semantic_mask_token), ids.extent(1)), ids.extent(0));
    return ctx.eval(e * ctx.upload(shown) + row * ctx.upload(masked));             // (batch, frames, dim)
  }
  /// Examples whose pooled features are compared: those whose source is hidden, of tasks between different kinds. Nothing where none can be;
  /// among several ranks all must take part, those without such an example too.
  std::optional<std::vector<index>> rows_to_align(kind from, kind to, std::vector<flag> const& hidden,
                                                  spear_tts::loss_options const& with) const {
    if (!with.should_sim_regularize || from == to || !(options.align_reg_loss_weight > 0) || hidden.empty()) return std::nullopt;
    std::vector<index> rows;
    for (std::size_t b = 0; b < hidden.size(); ++b)
      if (hidden[b]) rows.push_back(static_cast<index>(b));
    if (rows.size() < 2 && !with.ranks) return std::nullopt;
    return rows;
  }
  auto alignment(context<Exec> auto& ctx, encoded const& source, features const& x, spear_tts::entered_ids const& read,
                 std::vector<index> const& rows, spear_tts::loss_options const& with) const {
    token::flag_array seen({read.valid.extent(0), read.valid.extent(1) + 1}, flag{1});  // the start token's frame, then the target's
    for (index b = 0; b < seen.extent(0); ++b)
      for (index t = 1; t < seen.extent(1); ++t) seen(b, t) = read.valid(b, t - 1);
    return spear_tts::alignment_loss(
        ctx, source.features, ctx.upload(source.valid), x, ctx.upload(seen),
        {.use_logsumexp_pool = options.align_reg_use_logsumexp_pool, .logsumexp_pool_temp = options.align_reg_logsumexp_pool_temp}, rows,
        with.ranks);                                                               // ()
  }
};

}  // namespace SPEARSTORM_NS
