#pragma once
// The decoder while it generates: rows with their caches, what they read of the source, and the logits of their new tokens. A guided row is
// two rows of one batch.

#include "spearstorm/nn/transformer_step.hpp"
#include "spearstorm/spear_tts/model.hpp"
#include "spearstorm/token/guidance.hpp"

namespace SPEARSTORM_NS::spear_tts {

/// Logits on the host, guided where rows are.
template <class T>
struct host_logits {
  array<T, axes::batch<>, axes::frames<>, axes::vocab<>> values;  ///< (rows, frames, vocab), then once more without the source where guided
  token::guidance_options guidance{};

  std::vector<float> row(index r, index frame) const {
    auto const with = at(r, frame);
    if (guidance.scale == 1) return {with.begin(), with.end()};
    return token::guided(with, at(r + values.extent(0) / 2, frame), guidance);
  }

 private:
  std::span<T const> at(index r, index frame) const {
    auto const vocab = static_cast<std::size_t>(values.extent(2));
    return values.values().subspan(static_cast<std::size_t>(r * values.extent(1) + frame) * vocab, vocab);
  }
};

/// Where the next frames of all rows stand, one frame of each after the other, and what they read of the source: in the memory of a
/// context, uploaded once for all of them.
struct frames_ahead {
  tensor<std::int32_t, axes::batch<>, axes::blocks<>> table;                       // (rows, blocks)
  tensor<std::int32_t, axes::frames<>, axes::batch<>> positions;                   // (frames, rows)
  tensor<std::int32_t, axes::frames<>, axes::batch<>> counts;                      // (frames, rows)
  nn::cross_step cross;
};

/// Rows of one call of `generate`; row r reads example(r) of the source.
///
///   rows.reserve_(1);
///   auto const x = rows.run(rows.enter(ids, 1), 0, 0, depth);     one new frame of each row through all layers
///   rows.advance_(1);
///   auto const logits = rows.logits(x);
template <text_to_semantic_shape C, execution_policy Exec>
class decoder_rows {
 public:
  using model = text_to_semantic<C, Exec>;
  using value_type = typename Exec::value_type;
  using features = typename model::features;

  /// One row an example. Projects the source's keys and values.
  decoder_rows(model const& of, inference<Exec>& ctx, typename model::encoded const& source, token_kind to,
               token::guidance_options guidance)
      : of_(&of),
        ctx_(&ctx),
        to_(to),
        guidance_(guidance),
        lengths_(token::valid_lengths(source.valid)),
        memory_(ctx, of.target_transformer, source.features),
        cache_({.layers = of.target_transformer.shape.depth, .dim = of.target_transformer.shape.key_inner()}) {
    for (index b = 0; b < memory_.batch(); ++b) examples_.push_back(b);
    cache_.add_rows_(copies() * rows());
  }

  index rows() const { return static_cast<index>(examples_.size()); }
  index example(index row) const { return examples_[static_cast<std::size_t>(row)]; }
  index length(index row) const { return cache_.length(row); }  ///< frames that the cache holds
  index depth() const { return of_->target_transformer.shape.depth; }
  nn::kv_cache<Exec> const& cache() const { return cache_; }

  /// Row i becomes what row parents[i] was.
  void fork_(std::span<index const> parents) {
    std::vector<index> examples, all(parents.begin(), parents.end());
    for (index p : parents) {
      check_range<index>("decoder_rows: fork", "a parent", p, 0, rows() - 1);
      examples.push_back(example(p));
      if (guided()) all.push_back(rows() + p);
    }
    cache_.fork_(all);
    examples_ = std::move(examples);
  }
  void truncate_(index row, index length) {
    for (index c = 0; c < copies(); ++c) cache_.truncate_(c * rows() + row, length);
  }
  void reserve_(index frames) { cache_.reserve_(frames); }
  void advance_(index frames) { cache_.advance_(frames); }

  /// What new frames enter the decoder as. @shape ids (rows), empty for the start token  returns (rows, 1, dim)
  features enter(std::span<std::int32_t const> ids) {
    index const all = copies() * rows();
    if (ids.empty()) {
      token::id_array const none({all, 0});
      return ops::prepend_row(*ctx_, of_->start_token(to_), ops::embed(*ctx_, of_->token_emb(to_), ctx_->upload(none)));
    }
    check_size("decoder_rows", "ids", "rows", static_cast<index>(ids.size()), "the decoder", rows());
    token::id_array twice({all, 1});
    for (index r = 0; r < all; ++r) twice.data()[r] = ids[static_cast<std::size_t>(r % rows())];
    return ops::embed(*ctx_, of_->token_emb(to_), ctx_->upload(twice));            // (rows, 1, dim)
  }
  /// The same of ids that lie where they were sampled.
  features enter(tensor<std::int32_t, axes::rows<>> const& ids) {
    check_size("decoder_rows", "ids", "rows", ids.size(), "the decoder", rows());
    auto* const twice = ctx_->template allocate<std::int32_t>(copies() * rows());
    for (index c = 0; c < copies(); ++c) verbs::copy_rows(ctx_->exec(), 1, rows(), ids.data(), rows(), twice + c * rows(), rows());
    using list = axis_list<axes::batch<>, axes::frames<>>;
    return ops::embed(*ctx_, of_->token_emb(to_), ctx_->template wrap<list>(twice, {copies() * rows(), 1}));  // (rows, 1, dim)
  }
  /// Frames length + ahead ... through layers first ... last - 1. @shape x (rows, frames, dim)  returns the same
  features run(features const& x, index ahead, index first, index last) {
    auto frame = ctx_->frame();
    return frame.keep(run(x, {cache_.step(*ctx_, ahead, x.extent(1)), {}, cross()}, first, last));
  }
  /// Frame i of those ahead through all layers. @shape x (rows, 1, dim)  returns the same
  features run(features const& x, frames_ahead const& of, index i) {
    auto frame = ctx_->frame();
    index const all = copies() * rows();
    using one = axis_list<axes::batch<>>;
    using frames = axis_list<axes::batch<>, axes::frames<>>;
    nn::kv_step const own{of.table, ctx_->template wrap<one>(of.counts.data() + i * all, {all}),
                          ctx_->template wrap<frames>(of.positions.data() + i * all, {all, 1})};
    return frame.keep(run(x, {own, {}, of.cross}, 0, depth()));
  }
  /// @throws value_error where so many frames were not reserved
  frames_ahead ahead(index count) const {
    array<std::int32_t, axes::frames<>, axes::batch<>> positions({count, copies() * rows()}), counts(positions.extents());
    for (index i = 0; i < count; ++i) {
      auto const step = cache_.step_tables(i, 1);
      std::copy(step.positions.begin(), step.positions.end(), positions.data() + i * step.positions.size());
      std::copy(step.counts.begin(), step.counts.end(), counts.data() + i * step.counts.size());
    }
    return {ctx_->upload(cache_.step_tables(0, count).table), ctx_->upload(positions), ctx_->upload(counts), cross()};
  }
  /// @shape x (rows, frames, dim), behind the last layer  returns (rows, frames, vocab)
  host_logits<value_type> logits(features const& x) {
    auto const frame = ctx_->frame();
    return download(scores(x));
  }
  /// The same where they are made: of guided rows those without the source behind the others. @shape returns (rows, frames, vocab)
  auto scores(features const& x) { return of_->to_logits(*ctx_, of_->target_transformer.final_norm(*ctx_, x), to_); }
  /// The early exit's. @shape x (rows, frames, dim), behind its layer  returns (rows, frames, vocab)
  host_logits<value_type> early_logits(features const& x) {
    auto const frame = ctx_->frame();
    return download((*of_->early_exit)(*ctx_, x));
  }

 private:
  bool guided() const { return guidance_.scale != 1; }
  index copies() const { return guided() ? 2 : 1; }
  host_logits<value_type> download(auto const& y) {
    return {ctx_->download(view<axes::batch<>, axes::frames<>, axes::vocab<>>(y)), guidance_};
  }
  features run(features const& x, nn::decoder_step<value_type> step, index first, index last) {
    step.angles = ops::rotary_positions(*ctx_, step.own.positions, of_->target_transformer.shape.dim_head);
    return nn::run_layers(*ctx_, of_->target_transformer, x, cache_, memory_, step, first, last);
  }
  /// The second rows of guided ones see the null key alone.
  nn::cross_step cross() const {
    std::vector<index> examples, counts;
    for (index c = 0; c < copies(); ++c)
      for (index example : examples_) {
        examples.push_back(example);
        counts.push_back(c == 0 ? 1 + lengths_[static_cast<std::size_t>(example)] : 1);
      }
    return memory_.step(*ctx_, examples, counts);
  }

  model const* of_;
  inference<Exec>* ctx_;
  token_kind to_;
  token::guidance_options guidance_;
  std::vector<index> lengths_;  // of the sources
  nn::cross_memory<model::target_type, Exec> memory_;
  nn::kv_cache<Exec> cache_;
  std::vector<index> examples_;
};

}  // namespace SPEARSTORM_NS::spear_tts
