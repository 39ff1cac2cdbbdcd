#pragma once
// SoundStorm: the network with its training loss and its decoding.

#include "spearstorm/ops/cross_entropy.hpp"
#include "spearstorm/soundstorm/network.hpp"
#include "spearstorm/soundstorm/token_batch.hpp"
#include "spearstorm/token/draw_mask.hpp"

namespace SPEARSTORM_NS::soundstorm {

/// One drawn task, ready for the network: what it is shown, where it must guess, what is right.
template <class Loss>
struct loss_result {
  Loss total;                 ///< () mean cross-entropy over the chosen tokens
  token::chosen_list chosen;  ///< which tokens these are
};

struct generate_options;

template <soundstorm_shape C, execution_policy Exec>
struct model {
  using exec_type = Exec;

  network<C, Exec> net;

  explicit model(workspace<Exec>& work, soundstorm_shape const& c = C, conformer_options const& options = {}) : net(work, c, options) {}

  soundstorm_shape const& shape() const { return net.shape; }

  /// Draws a task for the batch and returns its loss: masked tokens of the drawn level only, all in one mean.
  /// The draws depend on seed, step and global example index, on nothing else.
  /// @shape codes (batch, frames, levels)  returns total ()
  /// @throws shape_error, value_error as draw_mask; value_error where no token was chosen
  /// @see   SoundStorm section 3.3
  auto loss(context<Exec> auto& ctx, token_batch const& batch, token::mask_options const& options = {}) const {
    auto const stream = ctx.stream("soundstorm/mask");
    auto const first = static_cast<index>(ctx.options().first_example);
    return loss_of(ctx, batch,
                   batch.padded() ? token::draw_mask(batch.codes, batch.valid, shape().codebook_size, options, stream, first)
                                  : token::draw_mask(batch.codes, shape().codebook_size, options, stream, first));
  }
  /// The loss of a task that is drawn already.
  auto loss_of(context<Exec> auto& ctx, token_batch const& batch, token::drawn_mask const& drawn) const {
    auto chosen = token::chosen_rows(drawn);
    auto const scores = logits_of(ctx, batch, drawn.input, chosen);                // (rows, vocab)
    auto const total = ops::cross_entropy(ctx, scores, ctx.upload(chosen.targets));  // ()
    return loss_result<std::remove_const_t<decltype(total)>>{total, std::move(chosen)};
  }
  /// Logits of the chosen positions, when the network is shown `input`.
  /// @shape input (batch, frames, levels)  returns (rows, vocab)
  auto logits_of(context<Exec> auto& ctx, token_batch const& batch, token::code_array const& input,
                 token::chosen_list const& chosen) const {
    ops::frame_mask mask;
    if (batch.padded()) mask = ctx.upload(batch.valid);
    auto const features = net.trunk(ctx, ctx.upload(input), mask);                 // (batch, frames, dim)
    return net.logits(ctx, features, ctx.upload(chosen.rows), chosen.offsets);     // (rows, vocab)
  }

  /// Generates codes; see generate.hpp.
  /// @shape returns (batch, frames, levels)
  token::code_array generate(workspace<Exec>& work, generate_options const& options) const;

  static void visit(auto& self, auto&& each) { each("net", self.net); }
};

}  // namespace SPEARSTORM_NS::soundstorm

#include "spearstorm/soundstorm/generate.hpp"
