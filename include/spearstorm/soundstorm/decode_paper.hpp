#pragma once
// Decoding as the paper does it: level by level, the first ones in several passes that fix the most confident tokens, each other in one
// greedy pass; everything above the current level stays masked, what is fixed stays fixed.

#include "spearstorm/soundstorm/denoiser.hpp"

namespace SPEARSTORM_NS::soundstorm {

namespace detail {

/// The passes that the options ask for.
inline token::decode_plan plan_of(generate_options const& options, index levels, index frames) {
  auto steps = options.steps_per_level;
  if (steps.empty())
    for (index level = 0; level < levels; ++level) steps.push_back(level < options.num_full_sampling_levels ? options.steps : 1);
  return token::paper_plan(levels, frames, steps, options.schedule);
}

/// Rows that a pass must guess: the masked frames of its level.
inline token::chosen_list rows_of(token::decoding_state const& state, index level) {
  auto const open = token::masked_at(state, level);
  std::vector<std::int32_t> rows;
  for (index at = 0; at < open.size(); ++at)
    if (open.data()[at]) rows.push_back(static_cast<std::int32_t>(at));
  token::chosen_list list;
  auto const n = static_cast<index>(rows.size());
  list.offsets = offsets_of_level(state.codes.extent(2), level, n);
  list.rows = {{n}, std::move(rows)};
  return list;
}

/// What one pass of decoding::paper is a function of, beside the logits.
struct paper_pass {
  token::decode_pass pass;
  generate_options const* options;
  random_stream noise;

  float temperature() const { return options->temperature().at(pass.step, pass.steps); }
  float left() const { return token::passes_left(pass.step, pass.steps); }
  random_stream draws(std::string_view name) const { return token::detail::named(noise, name); }
  index example(index row) const { return options->first_example + row; }
};

/// Draws codes again that stand too often in the frames before them: from all codes at temperature 1, as VALL-E 2. From left to right, so
/// that a frame sees what the pass chose before it; frames of padding count as different.
template <class T>
void draw_repeated_again(token::decoding_state const& state, token::chosen_list const& list, pass_logits<T> const& logits,
                         paper_pass const& of, pass_guess& made) {
  auto const& wanted = of.options->repetition;
  index const frames = state.codes.extent(1), levels = state.codes.extent(2);
  auto const again = of.draws("repetition");
  std::vector<float> room;
  for (index r = 0; r < list.rows.size(); ++r) {
    index const at = list.rows.data()[r], first = at - std::min(at % frames, wanted.window);
    std::vector<std::int32_t> before;
    for (index t = first; t < at; ++t) {
      index const place = t * levels + of.pass.level;
      before.push_back(state.masked.data()[place] ? made.ids.data()[t] : state.codes.data()[place]);
    }
    if (!token::repeats(before, made.ids.data()[at], wanted)) continue;
    auto const row = logits.row(r, room);
    made.ids.data()[at] = token::gumbel_sample(row, 1, again, of.example(at / frames), at % frames);
    made.confidence.data()[at] = token::confidence(row, made.ids.data()[at]);
  }
}

/// Samples, or takes the best, in each row of logits; rows are tasks of the team.
template <class T>
pass_guess guess(thread_team& team, token::decoding_state const& state, token::chosen_list const& list, pass_logits<T> const& logits,
                 paper_pass const& of) {
  index const frames = state.codes.extent(1);
  pass_guess made{token::id_array({state.codes.extent(0), frames}), token::confidence_array({state.codes.extent(0), frames})};
  made.masked = token::masked_at(state, of.pass.level);
  float const temperature = of.temperature();
  auto const filter = of.options->filter();
  team.run(list.rows.size(), [&](index r) {
    index const at = list.rows.data()[r];
    std::vector<float> room;
    auto const row = logits.row(r, room);
    std::int32_t const id =
        of.pass.greedy ? token::argmax(row)
                       : token::gumbel_sample(token::candidates(row, filter), temperature, of.noise, of.example(at / frames), at % frames);
    made.ids.data()[at] = id;
    made.confidence.data()[at] = token::confidence(row, id);
  });
  if (of.options->repetition.window > 0 && !of.pass.greedy) draw_repeated_again(state, list, logits, of, made);
  made.score = made.confidence;
  return made;
}

/// The log of the confidence with noise.
inline void add_confidence_noise(pass_guess& made, paper_pass const& of) {
  float const scale = of.options->confidence_noise * of.left();
  index const frames = made.ids.extent(1);
  auto const noise = of.draws("confidence");
  for (index at = 0; at < made.score.size(); ++at)
    if (made.masked.data()[at])
      made.score.data()[at] =
          std::log(made.confidence.data()[at]) +
          scale * noise.gumbel(static_cast<std::uint32_t>(of.example(at / frames)), static_cast<std::uint32_t>(at % frames));
}

/// The critic judges the codes with the guesses in them; the levels above are still masked. The surer it is of a fake, the lower the score.
template <class Denoiser>
void score_by_critic(Denoiser const& net, token::decoding_state const& state, pass_guess& made, paper_pass const& of) {
  index const frames = made.ids.extent(1), levels = state.codes.extent(2);
  auto judged = state.codes;
  for (index at = 0; at < made.ids.size(); ++at)
    if (made.masked.data()[at]) judged.data()[at * levels + of.pass.level] = made.ids.data()[at];
  auto const fakes = net.fakes(judged, of.options->critic_sees_all.value_or(true));  // (batch, frames, levels)
  float const scale = of.options->noise_level_scale * of.left();
  auto const noise = of.draws("critic");
  for (index at = 0; at < made.score.size(); ++at)
    if (made.masked.data()[at])
      made.score.data()[at] =
          -static_cast<float>(fakes.data()[at * levels + of.pass.level]) -
          scale * noise.gumbel(static_cast<std::uint32_t>(of.example(at / frames)), static_cast<std::uint32_t>(at % frames));
}

}  // namespace detail

/// Passes that have nothing left to guess do not run the net. Logits are computed of masked tokens of the pass's level only.
/// @param observe called after each pass that ran, with (decode_pass, decoding_state after it, pass_guess)
/// @see   SoundStorm section 4.1
template <soundstorm_shape C, execution_policy Exec, class Observe>
token::code_array decode_paper(model<C, Exec> const& of, inference<Exec>& ctx, generate_size const& size, generate_options const& options,
                               Observe const& observe) {
  auto const& shape = of.shape();
  index const levels = shape.levels();
  auto const plan = detail::plan_of(options, levels, size.frames);
  auto state = token::start_decoding(size.valid, levels, shape.codebook_size, options.prompt, options.prompt_lengths);
  bool const critic = options.use_critic.value_or(of.token_critic.has_value());
  denoiser<C, Exec> net(of, ctx, size, options);
  std::vector<index> totals;
  for (std::size_t p = 0; p < plan.passes.size(); ++p) {
    auto const& pass = plan.passes[p];
    if (pass.step == 0) totals = token::masked_totals(state, pass.level);
    detail::paper_pass const now{pass, &options, ctx.stream("soundstorm/sample")};
    auto const list = detail::rows_of(state, pass.level);
    if (list.rows.size() > 0) {
      auto const keep = plan.keep_masked(pass, totals);
      bool const ranks = std::any_of(keep.begin(), keep.end(), [](index n) { return n > 0; });
      auto const made = [&] {
        auto const frame = ctx.frame();
        auto found = detail::guess(ctx.work().team(), state, list, net.logits(net.run(state.codes), list), now);
        if (ranks && critic)
          detail::score_by_critic(net, state, found, now);
        else if (ranks && options.confidence_noise > 0)
          detail::add_confidence_noise(found, now);
        return found;
      }();
      state = token::unmask(std::move(state), pass.level, made.ids, made.score, keep);
      observe(pass, state, made);
    }
    if (options.progress) options.progress(static_cast<index>(p) + 1, static_cast<index>(plan.passes.size()));
  }
  return std::move(state.codes);
}

}  // namespace SPEARSTORM_NS::soundstorm
