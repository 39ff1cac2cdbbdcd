#pragma once
// Decoding as the paper does it: level by level, the first in several passes that fix the most confident tokens, each other
// in one greedy pass; everything above the current level stays masked, what is fixed stays fixed.

#include <functional>

#include "spearstorm/soundstorm/model.hpp"
#include "spearstorm/token/sampling.hpp"
#include "spearstorm/token/unmask.hpp"

namespace SPEARSTORM_NS::soundstorm {

/// Names and defaults of soundstorm-pytorch's `generate`, except where a field says otherwise.
struct generate_options {
  index num_latents = 0;                 ///< frames to generate, the prompt's included; 0: the longest of `lengths`
  index batch_size = 1;                  ///< rows, where neither prompt nor lengths tell
  std::vector<index> lengths{};          ///< frames of each row; empty: num_latents for all
  token::code_array prompt{};            ///< (batch, prompt frames, levels or fewer), acoustic tokens to go on from
  std::vector<index> prompt_lengths{};   ///< prompt frames of each row; empty: all
  std::vector<index> steps_per_level{};  ///< passes for each level; empty: `steps` for the first, one for each other
  index steps = 18;                      ///< passes of the first level; soundstorm-pytorch. The paper: 16
  token::schedule schedule = token::cosine_schedule;
  float start_temperature = 1;  ///< of the first pass, falling linearly over a level's passes
  double filter_thres = 0.7;    ///< soundstorm-pytorch: the best (1 - filter_thres) of the codes are candidates
  std::function<void(index pass, index passes)> progress{};  ///< called after each pass
};

/// The codes of one finished pass: ids and how sure the network was of them.
struct pass_guess {
  token::id_array ids;
  token::confidence_array confidence;
};

namespace detail {

/// Rows that a pass must guess: the masked frames of its level.
inline token::chosen_list rows_of(token::decoding_state const& state, index level) {
  auto const open = token::masked_at(state, level);
  std::vector<std::int32_t> rows;
  for (index at = 0; at < open.size(); ++at)
    if (open.data()[at]) rows.push_back(static_cast<std::int32_t>(at));
  token::chosen_list list;
  auto const n = static_cast<index>(rows.size());
  list.offsets.assign(static_cast<std::size_t>(state.codes.extent(2)) + 1, 0);
  std::fill(list.offsets.begin() + level + 1, list.offsets.end(), n);
  list.rows = {{n}, std::move(rows)};
  return list;
}

/// Samples, or takes the best, in each row of logits; rows are tasks of the team.
inline pass_guess guess(thread_team& team, token::decoding_state const& state, token::chosen_list const& list,
                        std::span<float const> logits, token::decode_pass const& pass, generate_options const& options,
                        random_stream const& noise) {
  index const frames = state.codes.extent(1), vocab = state.mask_id;
  pass_guess made{token::id_array({state.codes.extent(0), frames}), token::confidence_array({state.codes.extent(0), frames})};
  float const temperature = options.start_temperature * static_cast<float>(pass.steps - 1 - pass.step) / static_cast<float>(pass.steps);
  team.run(list.rows.size(), [&](index r) {
    index const at = list.rows.data()[r];
    auto const row = logits.subspan(static_cast<std::size_t>(r * vocab), static_cast<std::size_t>(vocab));
    std::int32_t const id = pass.greedy ? token::argmax(row)
                                        : token::gumbel_sample(token::soundstorm_top_k(row, options.filter_thres), temperature, noise,
                                                               at / frames, at % frames);
    made.ids.data()[at] = id;
    made.confidence.data()[at] = token::confidence(row, id);
  });
  return made;
}

}  // namespace detail

/// @param observe called after each pass with (pass, state after it, guess): traces, plots, tests
/// @throws value_error where no length is given, shape_error or value_error as start_decoding
/// @see   SoundStorm section 4.1
template <soundstorm_shape C, execution_policy Exec, class Observe>
token::code_array decode(model<C, Exec> const& of, workspace<Exec>& work, generate_options const& options, Observe const& observe) {
  auto const& shape = of.shape();
  auto lengths = options.lengths;
  index const batch = !lengths.empty()            ? static_cast<index>(lengths.size())
                      : options.prompt.size() > 0 ? options.prompt.extent(0)
                                                  : options.batch_size;
  index const frames = options.num_latents > 0 ? options.num_latents
                       : lengths.empty()       ? 0
                                               : *std::max_element(lengths.begin(), lengths.end());
  if (frames < 1) fail<value_error>("generate: num_latents = ", options.num_latents, ", expected 1 or more, or lengths");
  if (lengths.empty()) lengths.assign(static_cast<std::size_t>(batch), frames);
  auto const valid = token::valid_frames(lengths, frames);
  bool const padded = std::any_of(lengths.begin(), lengths.end(), [&](index n) { return n != frames; });

  auto steps = options.steps_per_level.empty() ? token::paper_steps(shape.num_quantizers, options.steps) : options.steps_per_level;
  auto const plan = token::paper_plan(shape.num_quantizers, frames, steps, options.schedule);
  auto state = token::start_decoding(valid, shape.num_quantizers, shape.codebook_size, options.prompt, options.prompt_lengths);

  inference<Exec> ctx{work};
  ops::frame_mask mask;
  if (padded) mask = ctx.upload(valid);
  std::vector<index> totals;
  for (std::size_t p = 0; p < plan.passes.size(); ++p) {
    auto const& pass = plan.passes[p];
    if (pass.step == 0) totals = token::masked_totals(state, pass.level);
    auto const noise = ctx.stream("soundstorm/sample");
    auto const list = detail::rows_of(state, pass.level);
    if (list.rows.size() > 0) {
      auto const frame = ctx.frame();
      auto const features = of.net.trunk(ctx, ctx.upload(state.codes), mask);      // (batch, frames, dim)
      auto const logits = ctx.download(of.net.logits(ctx, features, ctx.upload(list.rows), list.offsets));  // (rows, vocab)
      std::vector<float> const scores(logits.begin(), logits.end());
      auto const made = detail::guess(work.team(), state, list, scores, pass, options, noise);
      state = token::unmask(std::move(state), pass.level, made.ids, made.confidence, plan.keep_masked(pass, totals));
      observe(pass, state, made);
    }
    if (options.progress) options.progress(static_cast<index>(p) + 1, static_cast<index>(plan.passes.size()));
  }
  return padded ? token::fill_padding(std::move(state.codes), valid, 0) : std::move(state.codes);
}

template <soundstorm_shape C, execution_policy Exec>
token::code_array model<C, Exec>::generate(workspace<Exec>& work, generate_options const& options) const {
  return decode(*this, work, options, [](auto const&...) {});
}

}  // namespace SPEARSTORM_NS::soundstorm
