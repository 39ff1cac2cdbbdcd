#pragma once
// SoundStorm: the network with what it is conditioned on, its training loss and its decoding.

#include "spearstorm/ops/binary_cross_entropy.hpp"
#include "spearstorm/ops/cross_entropy.hpp"
#include "spearstorm/soundstorm/critic_task.hpp"
#include "spearstorm/soundstorm/network.hpp"
#include "spearstorm/soundstorm/options.hpp"
#include "spearstorm/soundstorm/semantic_condition.hpp"
#include "spearstorm/soundstorm/token_batch.hpp"
#include "spearstorm/tape/unrecorded.hpp"

namespace SPEARSTORM_NS::soundstorm {

/// A task that is drawn, down to the last coin: what a loss is a function of.
struct drawn_task {
  token::drawn_mask mask;
  bool self_cond = false;               ///< shows the embeddings of a pass before, not the null embedding
  std::vector<flag> dropped{};          ///< (batch), 1 where the condition is left out; empty: nowhere
  float sample_temperature = 1;         ///< of the tokens that the critic judges
  random_stream sample_noise{};         ///< and their draws
  std::vector<std::int32_t> sampled{};  ///< (rows), these tokens, where they are given; empty: sampled from the generator
};

/// @see soundstorm-pytorch: LossBreakdown
template <class Loss>
struct loss_result {
  Loss total;                     ///< () what training descends on
  std::optional<Loss> generator;  ///< () mean cross-entropy over the chosen tokens; none where only the critic trains
  std::optional<Loss> critic;     ///< () mean binary cross-entropy over all valid tokens; none without a critic
  token::chosen_list chosen;      ///< which tokens the generator was asked for
};

struct generate_options;

template <soundstorm_shape C, execution_policy Exec>
struct model {
  using exec_type = Exec;
  using width = axes::dim<C.body.dim>;
  using inputs = trunk_inputs<C, Exec>;
  using features = typename inputs::features;

  soundstorm_options options;
  network<C, Exec> net;
  std::optional<semantic_condition<C, Exec>> condition;
  std::optional<parameter<Exec, width>> null_embed;  ///< what stands for the pass before the first
  std::optional<nn::linear<C.body.dim, C.body.dim, Exec>> to_self_cond;
  std::optional<nn::linear<C.body.dim, 1, Exec>> token_critic;  ///< on the embedding of each level: is this token a fake

  /// @throws shape_error, value_error as resolve; value_error where a rate is missing
  explicit model(workspace<Exec>& work, soundstorm_shape const& c, soundstorm_options const& with)
      : options(with), net(work, c, with.body) {
    options.rates.check();
    auto const& s = net.shape;
    if (s.num_semantic_token_ids > 0) condition.emplace(work, s);
    if (s.self_cond) {
      null_embed.emplace(work, sizes<1>{s.body.dim}, initialiser::normal(1));
      to_self_cond.emplace(work, nn::linear_sizes{s.body.dim, s.body.dim, false});
    }
    if (s.self_token_critic) token_critic.emplace(work, nn::linear_sizes{s.body.dim, 1});
  }
  explicit model(workspace<Exec>& work, soundstorm_shape const& c = C, conformer_options const& body = {})
      : model(work, c, soundstorm_options{.body = body}) {}

  soundstorm_shape const& shape() const { return net.shape; }

  // -- what the network is given beside codes

  /// @param dropped (batch), 1 where an example's condition is left out; empty: nowhere
  /// @shape ids (batch, semantic frames), below 0 for padding  returns (batch, frames, dim)
  /// @throws value_error where the model has no condition, and as semantic_condition
  features condition_of(context<Exec> auto& ctx, token::id_array const& ids, index frames, std::span<flag const> dropped = {}) const {
    if (!condition)
      fail<value_error>("soundstorm: semantic tokens are given, but num_semantic_token_ids = 0, expected a model with a condition");
    return (*condition)(ctx, ids, frames, options.rates, dropped);                 // (batch, frames, dim)
  }
  /// The condition of the pass before: from its features, or the null embedding at every frame where there are none.
  /// @shape before (batch, frames, dim)  like (batch, frames, dim): of whatever has the sizes wanted  returns (batch, frames, dim)
  features self_condition(context<Exec> auto& ctx, std::optional<features> const& before, index batch, index frames) const {
    if (before) return (*to_self_cond)(ctx, net.heads.summed(ctx, *before));       // (batch, frames, dim)
    auto const null = view<axes::frames<>, width>(ctx.eval(*null_embed), {1, net.shape.body.dim});  // (1, dim)
    auto const row = view<width>((*to_self_cond)(ctx, null), {net.shape.body.dim});  // (dim)
    return ctx.eval(expand<axes::batch>(expand<axes::frames>(row, frames), batch));  // (batch, frames, dim)
  }
  /// How sure the critic is that each token was sampled, as logits.
  /// @shape x (batch, frames, dim): features of the tokens judged  returns (batch, frames, levels)
  /// @see   soundstorm-pytorch: LogitHead, with logit_dim = 1
  auto critic_scores(context<Exec> auto& ctx, features const& x) const {
    if (!token_critic) fail<value_error>("soundstorm: critic_scores: self_token_critic = false, expected a model with a critic");
    return net.heads.scored(ctx, x, token_critic->weight, *token_critic->bias);    // (batch, frames, levels)
  }

  // -- training

  /// Draws a task for the batch and returns its loss: masked tokens of the drawn level only, all in one mean.
  /// The draws depend on seed, step and global example index, on nothing else.
  /// @shape codes (batch, frames, levels)  returns total ()
  /// @throws shape_error, value_error as draw_mask and condition_of; value_error where no token was chosen or an option is out of range
  /// @see   SoundStorm section 3.3
  auto loss(context<Exec> auto& ctx, token_batch const& batch, loss_options const& with) const {
    auto const padded = with_padding(batch);
    return loss_of(ctx, padded, draw(ctx, padded, with), with);
  }
  auto loss(context<Exec> auto& ctx, token_batch const& batch, token::mask_options const& mask = {}) const {
    return loss(ctx, batch, loss_options{.mask = mask});
  }
  /// The loss of a mask that is drawn already.
  auto loss_of(context<Exec> auto& ctx, token_batch const& batch, token::drawn_mask const& drawn) const {
    return loss_of(ctx, batch, drawn_task{.mask = drawn});
  }
  /// The loss of a task that is drawn already.
  auto loss_of(context<Exec> auto& ctx, token_batch const& batch, drawn_task const& task, loss_options const& with = {}) const {
    check_conditions(batch, with);
    auto chosen = token::chosen_rows(task.mask);
    // What is copied in comes first: a device that computes would be waited for.
    auto const codes = ctx.upload(task.mask.input);                                // (batch, frames, levels)
    auto const rows = ctx.upload(chosen.rows), targets = ctx.upload(chosen.targets);  // (rows)
    bool const judges = token_critic.has_value() && !with.only_train_generator;
    std::optional<detail::critic_truth> truth;
    if (judges) truth = detail::critic_truth_of(ctx, batch, task.mask, chosen, shape().codebook_size);
    auto fakes = judges ? given_samples(ctx, task) : std::nullopt;                 // (rows)
    inputs given{.mask = mask_of(ctx, batch), .cond = condition_in(ctx, batch, task.dropped), .sum_embeds = {}};
    if (to_self_cond) given.sum_embeds = self_condition_of_task(ctx, codes, given, task.self_cond);  // (batch, frames, dim)
    if (with.only_train_critic) {
      if (!fakes)
        fakes = unrecorded(ctx, [&](auto& quiet) {
          auto const scores = net.logits(quiet, net.trunk(quiet, codes, given), rows, chosen.offsets);  // (rows, vocab)
          return sampled(quiet, scores, rows, codes.extent(1), task);              // (rows)
        });
      auto const critic = critic_loss(ctx, *truth, *fakes, given);                 // ()
      using result = loss_result<std::remove_const_t<decltype(critic)>>;
      return result{critic, std::nullopt, critic, std::move(chosen)};
    }
    auto const scores = net.logits(ctx, net.trunk(ctx, codes, given), rows, chosen.offsets);  // (rows, vocab)
    auto const generator = ops::cross_entropy(ctx, scores, targets);               // ()
    using result = loss_result<std::remove_const_t<decltype(generator)>>;
    if (!judges) return result{generator, generator, std::nullopt, std::move(chosen)};
    if (!fakes) fakes = sampled(ctx, scores, rows, codes.extent(1), task);         // (rows)
    auto const critic = critic_loss(ctx, *truth, *fakes, given);                   // ()
    auto const total = ctx.eval(generator + critic * with.critic_loss_weight);     // ()
    return result{total, generator, critic, std::move(chosen)};
  }
  /// Logits of the chosen positions, when the network is shown `input`.
  /// @shape input (batch, frames, levels)  returns (rows, vocab)
  auto logits_of(context<Exec> auto& ctx, token_batch const& batch, token::code_array const& input, token::chosen_list const& chosen,
                 std::span<flag const> dropped = {}) const {
    inputs given{.mask = mask_of(ctx, batch), .cond = condition_in(ctx, batch, dropped), .sum_embeds = {}};
    if (to_self_cond) given.sum_embeds = self_condition(ctx, {}, input.extent(0), input.extent(1));  // (batch, frames, dim)
    auto const x = net.trunk(ctx, ctx.upload(input), given);                       // (batch, frames, dim)
    return net.logits(ctx, x, ctx.upload(chosen.rows), chosen.offsets);            // (rows, vocab)
  }
  /// Draws what `loss` is taken of.
  /// @throws shape_error, value_error as draw_mask; value_error where an option is out of range
  drawn_task draw(context<Exec> auto& ctx, token_batch const& batch, loss_options const& with) const {
    check_options(with);
    auto const first = static_cast<index>(ctx.options().first_example);
    auto const stream = ctx.stream("soundstorm/mask");
    auto const valid = batch.padded() ? batch.valid : token::all_valid(batch.codes.extent(0), batch.codes.extent(1));
    drawn_task task{.mask = token::draw_mask(batch.codes, valid, shape().codebook_size, with.mask, stream, first, batch.prompt_frames)};
    auto const coins = ctx.stream("soundstorm/coins");
    task.self_cond = coins.uniform(0, 0) < with.self_cond_train_prob;
    task.sample_noise = ctx.stream("soundstorm/critic");
    task.sample_temperature = with.generator_sample_temperature.value_or(coins.uniform(0, 1));
    if (with.cond_drop_prob > 0)
      for (index b = 0; b < batch.codes.extent(0); ++b)
        task.dropped.push_back(coins.uniform(static_cast<std::uint32_t>(first + b), 2) < with.cond_drop_prob);
    return task;
  }

  /// Generates codes; see generate.hpp.
  /// @shape returns (batch, frames, levels)
  token::code_array generate(workspace<Exec>& work, generate_options const& options) const;

  static void visit(auto& self, auto&& each) {
    each("net", self.net);
    each("condition", self.condition);
    each("null_embed", self.null_embed);
    each("to_self_cond", self.to_self_cond);
    each("token_critic", self.token_critic);
  }

 private:
  /// The batch with frames of pad_id marked as padding.
  token_batch with_padding(token_batch batch) const {
    if (!options.pad_id) return batch;
    auto const real = token::valid_frames(batch.codes, *options.pad_id);
    if (!batch.padded()) batch.valid = token::all_valid(real.extent(0), real.extent(1));
    for (index i = 0; i < real.size(); ++i) batch.valid.data()[i] = batch.valid.data()[i] && real.data()[i];
    return batch;
  }
  void check_conditions(token_batch const& batch, loss_options const& with) const {
    check_options(with);
    if (with.only_train_generator && with.only_train_critic)
      fail<value_error>("soundstorm: only_train_generator and only_train_critic are both set, expected one at most");
    if (with.only_train_critic && !token_critic)
      fail<value_error>("soundstorm: only_train_critic with self_token_critic = false, expected a model with a critic");
    if (condition.has_value() != (batch.semantic.size() > 0))
      fail<value_error>("soundstorm: the batch has semantic tokens for ", batch.semantic.extent(0),
                        " examples, num_semantic_token_ids = ", shape().num_semantic_token_ids,
                        ", expected tokens for a model with a condition, and for no other");
    if (!condition && with.cond_drop_prob > 0)
      fail<value_error>("soundstorm: cond_drop_prob = ", with.cond_drop_prob,
                        " with num_semantic_token_ids = 0, expected 0: there is no condition to drop");
    if (!condition) return;
    check_size("soundstorm", "semantic tokens", "batch", batch.semantic.extent(0), "codes", batch.codes.extent(0));
    index const tokens = batch.semantic.extent(1), frames = batch.codes.extent(1);
    for (index b = 0; b < batch.codes.extent(0); ++b) {
      std::int32_t const* const ids = batch.semantic.data() + b * tokens;
      index const given = std::count_if(ids, ids + tokens, [&](std::int32_t id) { return id >= 0 && id < shape().num_semantic_token_ids; });
      flag const* const valid = batch.padded() ? batch.valid.data() + b * frames : nullptr;
      options.rates.check_fit(b, given,
                              valid ? static_cast<index>(std::count_if(valid, valid + frames, [](flag f) { return f != 0; })) : frames);
    }
  }
  ops::frame_mask mask_of(context<Exec> auto& ctx, token_batch const& batch) const {
    ops::frame_mask mask;
    if (batch.padded()) mask = ctx.upload(batch.valid);
    return mask;
  }
  std::optional<features> condition_in(context<Exec> auto& ctx, token_batch const& batch, std::span<flag const> dropped) const {
    if (!condition) return std::nullopt;
    return condition_of(ctx, batch.semantic, batch.codes.extent(1), dropped);      // (batch, frames, dim)
  }
  /// The null embedding, or the embeddings of a pass that is not recorded.
  features self_condition_of_task(context<Exec> auto& ctx, code_tensor const& codes, inputs const& given, bool of_a_pass) const {
    if (!of_a_pass) return self_condition(ctx, {}, codes.extent(0), codes.extent(1));  // (batch, frames, dim)
    auto const before = unrecorded(ctx, [&](auto& quiet) { return net.heads.summed(quiet, net.trunk(quiet, codes, given)); });
    return (*to_self_cond)(ctx, before);                                           // (batch, frames, dim)
  }
  /// The task's own samples, where it brings them.
  std::optional<row_tensor> given_samples(context<Exec> auto& ctx, drawn_task const& task) const {
    if (task.sampled.empty()) return std::nullopt;
    return ctx.upload(array<std::int32_t, axes::rows<>>({static_cast<index>(task.sampled.size())}, task.sampled));  // (rows)
  }
  /// A token of each row of logits at the task's temperature.
  row_tensor sampled(context<Exec> auto& ctx, auto const& scores, row_tensor const& rows, index frames, drawn_task const& task) const {
    return ops::sample_rows(ctx, scores, rows,
                            {.temperature = task.sample_temperature,
                             .noise = task.sample_noise,
                             .first_example = static_cast<index>(ctx.options().first_example),
                             .positions = frames})
        .ids;                                                                      // (rows)
  }
  /// Judges the codes in which the chosen tokens are replaced by sampled ones.
  /// Departs from soundstorm-pytorch, whose critic sees neither mask nor conditions and whose labels call true tokens fake.
  auto critic_loss(context<Exec> auto& ctx, detail::critic_truth const& truth, row_tensor const& fakes, inputs const& given) const {
    auto const judged = detail::critic_task_of(ctx, truth, fakes);
    auto const x = net.trunk(ctx, judged.codes, given);                            // (batch, frames, dim)
    return ops::binary_cross_entropy_with_logits(ctx, critic_scores(ctx, x), judged.fake, truth.counted);  // ()
  }
};

}  // namespace SPEARSTORM_NS::soundstorm

#include "spearstorm/soundstorm/generate.hpp"
