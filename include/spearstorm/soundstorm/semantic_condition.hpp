#pragma once
// Semantic tokens as a condition: embedded, padding and end of sequence masked, brought to the codec's frame rate.

#include "spearstorm/nn/linear.hpp"
#include "spearstorm/ops/embed.hpp"
#include "spearstorm/soundstorm/semantic_rates.hpp"
#include "spearstorm/soundstorm/shape.hpp"

namespace SPEARSTORM_NS::soundstorm {

/// An own embedding, or one that is lent: read, never changed from here, and projected to the model's width.
/// @see soundstorm-pytorch: SoundStorm.maybe_get_condition, whose projection of a borrowed embedding never trains; ours does
template <soundstorm_shape C, execution_policy Exec>
struct semantic_condition {
  using width = axes::dim<C.body.dim>;
  using table = parameter<Exec, axes::vocab<>, axes::dim<>>;

  index num_semantic_token_ids;
  std::optional<table> semantic_token_emb;  ///< (ids, dim)
  std::optional<nn::linear<dynamic, C.body.dim, Exec>> semantic_cond_to_model_dim;

  explicit semantic_condition(workspace<Exec>& work, soundstorm_shape const& c) : num_semantic_token_ids(c.num_semantic_token_ids) {
    if (c.semantic_dim > 0)
      semantic_cond_to_model_dim.emplace(work, nn::linear_sizes{c.semantic_dim, c.body.dim});
    else
      semantic_token_emb.emplace(work, sizes<2>{c.num_semantic_token_ids, c.body.dim}, initialiser::normal(1));
  }

  /// Reads its ids from a table that someone else owns and trains, such as a TextToSemantic's `semantic_token_emb`. It must outlive this model.
  /// @throws shape_error where the table has fewer rows than ids, or another width than semantic_dim
  template <index Dim>
  void borrow(parameter<Exec, axes::vocab<>, axes::dim<Dim>> const& lent) {
    if (!semantic_cond_to_model_dim)
      fail<value_error>("semantic_condition: borrow: semantic_dim = 0, expected the width of the embedding that is lent");
    check_size("semantic_condition", "the lent embedding", "dim", lent.extent(1), "semantic_dim",
               semantic_cond_to_model_dim->weight.extent(1));
    if (lent.extent(0) < num_semantic_token_ids)
      fail<shape_error>("semantic_condition: the lent embedding has ", lent.extent(0), " rows, expected at least ", num_semantic_token_ids);
    lent_ = lent.data();
    lent_extents_ = lent.extents();
  }

  /// @param dropped (batch), 1 where an example's condition is left out, as for classifier-free guidance; empty: none
  /// @shape ids (batch, semantic frames), below 0 for padding  returns (batch, frames, dim), zero where there is no token
  /// @throws value_error where an id is out of range, or an embedding should have been borrowed
  auto operator()(context<Exec> auto& ctx, token::id_array const& ids, index frames, semantic_rates const& rates,
                  std::span<flag const> dropped = {}) const {
    auto fitted = token::fit_rate(ids, frames, rates.ratio(), rates.policy, static_cast<std::int32_t>(num_semantic_token_ids));
    for (std::size_t b = 0; b < dropped.size(); ++b)
      if (dropped[b])
        for (auto* share : {&fitted.first_share, &fitted.second_share})
          std::fill_n(share->data() + static_cast<index>(b) * frames, frames, 0.0f);
    auto const first = embedded(ctx, fitted.first);                                // (batch, frames, dim)
    auto const share = ctx.upload(fitted.first_share);                             // (batch, frames)
    if (!fitted.mixes) return ctx.eval(first * share);                             // (batch, frames, dim)
    return ctx.eval(first * share + embedded(ctx, fitted.second) * ctx.upload(fitted.second_share));  // (batch, frames, dim)
  }

  static void visit(auto& self, auto&& each) {
    each("semantic_token_emb", self.semantic_token_emb);
    each("semantic_cond_to_model_dim", self.semantic_cond_to_model_dim);
  }

 private:
  auto embedded(context<Exec> auto& ctx, token::id_array const& ids) const {
    auto const at = ctx.upload(ids);
    if (semantic_token_emb) return view<axes::batch<>, axes::frames<>, width>(ops::embed(ctx, *semantic_token_emb, at));  // (batch, frames, dim)
    if (!lent_) fail<value_error>("semantic_condition: no embedding is lent; call borrow(table) first, as semantic_dim is above 0");
    auto const constant = ctx.template wrap<typename table::axes_type>(lent_, lent_extents_);  // (vocab, semantic dim)
    auto const e = ops::embed(ctx, constant, at);                                  // (batch, frames, semantic dim)
    return view<axes::batch<>, axes::frames<>, width>((*semantic_cond_to_model_dim)(ctx, e));  // (batch, frames, dim)
  }

  typename table::value_type const* lent_ = nullptr;  // the owner's memory, which stays where it is when the owner moves
  sizes<2> lent_extents_{};
};

}  // namespace SPEARSTORM_NS::soundstorm
