#pragma once
// Decoding as soundstorm-pytorch does it, with the net: what it decides is in token/package_decoding.hpp.

#include "spearstorm/soundstorm/denoiser.hpp"
#include "spearstorm/token/package_decoding.hpp"

namespace SPEARSTORM_NS::soundstorm {

namespace detail {

/// Positions whose logits a pass of the package reads, sorted by level: all valid ones where confidence is ranked, else those it samples.
inline token::chosen_list package_rows(token::package_state const& state, token::flag_array const& valid, bool all) {
  index const levels = state.open.extent(2);
  std::vector<std::int32_t> rows;
  token::chosen_list list;
  list.offsets = {0};
  for (index level = 0; level < levels; ++level) {
    for (index at = 0; at < valid.size(); ++at)
      if (all ? valid.data()[at] != 0 : state.to_sample.data()[at * levels + level] != 0) rows.push_back(static_cast<std::int32_t>(at));
    list.offsets.push_back(static_cast<index>(rows.size()));
  }
  list.rows = {{static_cast<index>(rows.size())}, std::move(rows)};
  return list;
}

/// Gumbel draws in the order of the package's: recorded, or the workspace's by position.
struct package_noise {
  generate_options const* options;
  random_stream stream;
  std::vector<float> recorded{};

  /// Draws for `count` values at each of `positions` positions (row, frame, level).
  void draw(index positions, index count) {
    if (!options->gumbel) return;
    recorded = options->gumbel(positions * count);
    check_size("generate", "gumbel", "size", static_cast<index>(recorded.size()), "a pass", positions * count);
  }
  void row(index position, index positions_of_a_row, std::span<float> to) const {
    auto const count = static_cast<index>(to.size());
    for (index v = 0; v < count; ++v)
      to[static_cast<std::size_t>(v)] =
          options->gumbel ? recorded[static_cast<std::size_t>(position * count + v)]
                          : stream.gumbel(static_cast<std::uint32_t>(options->first_example + position / positions_of_a_row),
                                          static_cast<std::uint32_t>(position % positions_of_a_row * count + v));
  }
  token::package_choice sample(std::span<float const> logits, index position, index positions_of_a_row, float temperature) const {
    if (!options->gumbel)
      return token::package_sample(logits, options->filter_thres, temperature, stream,
                                   options->first_example + position / positions_of_a_row, position % positions_of_a_row);
    std::vector<float> gumbel(logits.size());
    row(position, positions_of_a_row, gumbel);
    return token::package_sample(logits, options->filter_thres, temperature, gumbel);
  }
};

/// Ids and their confidence at all positions of the list.
struct package_choices {
  token::code_array ids;
  token::score_array confidence;
};
template <class T>
package_choices choose(thread_team& team, token::package_state const& state, token::chosen_list const& list, pass_logits<T> const& logits,
                       package_noise const& noise, float temperature) {
  index const levels = state.open.extent(2), of_a_row = state.open.extent(1) * levels;
  package_choices made{token::code_array(state.open.extents()), token::score_array(state.open.extents())};
  std::vector<index> places;
  for (index level = 0; level < levels; ++level)
    for (index r = list.offsets[static_cast<std::size_t>(level)]; r < list.offsets[static_cast<std::size_t>(level) + 1]; ++r)
      places.push_back(list.rows.data()[r] * levels + level);
  team.run(list.rows.size(), [&](index r) {
    index const place = places[static_cast<std::size_t>(r)];
    std::vector<float> room;
    auto const choice = noise.sample(logits.row(r, room), place, of_a_row, temperature);
    made.ids.data()[place] = choice.id, made.confidence.data()[place] = choice.confidence;
  });
  return made;
}

/// The critic's scores with noise: the surest fakes highest.
template <class Denoiser>
token::score_array critic_scores(Denoiser const& net, token::package_state const& state, bool sees_all, package_noise& noise, float scale) {
  token::score_array scores(state.open.extents());
  auto const fakes = net.fakes(state.shown.codes, sees_all);                       // (batch, frames, levels)
  noise.stream = token::detail::named(noise.stream, "critic");
  noise.draw(scores.size(), 1);
  for (index i = 0; i < scores.size(); ++i) {
    float drawn = 0;
    noise.row(i, scores.extent(1) * scores.extent(2), std::span(&drawn, 1));
    scores.data()[i] = static_cast<float>(fakes.data()[i]) + scale * drawn;
  }
  return scores;
}

/// One level of an array over all levels.
template <class T>
array<T, axes::batch<>, axes::frames<>> at_level(array<T, axes::batch<>, axes::frames<>, axes::levels<>> const& of, index level) {
  array<T, axes::batch<>, axes::frames<>> made({of.extent(0), of.extent(1)});
  for (index i = 0; i < made.size(); ++i) made.data()[i] = of.data()[i * of.extent(2) + level];
  return made;
}

}  // namespace detail

/// Equal to the package's codes at valid frames when fed its random numbers. Padded frames are sampled too, as in the package, where that
/// matters: for a critic that is not shown the mask.
/// @param observe called after each pass with (decode_pass, decoding_state after it, pass_guess of the pass's level)
/// @see   soundstorm-pytorch: SoundStorm.generate
template <soundstorm_shape C, execution_policy Exec, class Observe>
token::code_array decode_package(model<C, Exec> const& of, inference<Exec>& ctx, generate_size const& size, generate_options const& options,
                                 Observe const& observe) {
  auto const& shape = of.shape();
  std::vector<index> lengths;
  for (index b = 0; b < size.batch; ++b)
    lengths.push_back(size.frames - std::count(size.valid.data() + b * size.frames, size.valid.data() + (b + 1) * size.frames, flag{0}));
  auto const plan = token::package_plan(shape.levels(), options.num_full_sampling_levels, options.steps, options.schedule, lengths);
  bool const critic = options.use_critic.value_or(of.token_critic.has_value()), sees_all = options.critic_sees_all.value_or(false);
  auto const sampled = critic && !sees_all ? token::all_valid(size.batch, size.frames) : size.valid;
  auto state =
      token::start_package(token::start_decoding(sampled, shape.levels(), shape.codebook_size, options.prompt, options.prompt_lengths));
  denoiser<C, Exec> net(of, ctx, size, options);
  for (std::size_t p = 0; p < plan.size(); ++p) {
    auto const& pass = plan[p];
    token::begin_package_pass(state, pass);
    auto const list = detail::package_rows(state, size.valid, pass.ranks() && !critic);
    detail::package_noise noise{&options, ctx.stream("soundstorm/sample")};
    noise.draw(state.open.size(), shape.codebook_size);
    auto const frame = ctx.frame();
    auto const made = detail::choose(ctx.work().team(), state, list, net.logits(net.run(state.shown.codes), list), noise,
                                     token::package_temperature(options.start_temperature, pass));
    pass_guess guess{detail::at_level(made.ids, pass.level),
                     detail::at_level(made.confidence, pass.level),
                     {},
                     detail::at_level(state.to_sample, pass.level)};
    guess.score = guess.confidence;
    token::put_samples(state, made.ids);
    if (pass.ranks()) {
      token::score_array scores = made.confidence;
      if (critic)
        scores = detail::critic_scores(net, state, sees_all, noise, options.noise_level_scale * static_cast<float>(pass.annealing));
      else
        for (float& score : scores) score = 1 - score;
      token::mask_again(state, pass, scores, options.can_mask_prev_unmasked, size.valid);
      guess.score = detail::at_level(scores, pass.level);
      for (float& score : guess.score) score = -score;
    }
    observe(token::decode_pass{.level = pass.level,
                               .step = pass.step,
                               .steps = pass.steps,
                               .keep_masked = *std::max_element(pass.mask_again.begin(), pass.mask_again.end())},
            state.shown, guess);
    if (options.progress) options.progress(static_cast<index>(p) + 1, static_cast<index>(plan.size()));
  }
  return std::move(state.shown.codes);
}

}  // namespace SPEARSTORM_NS::soundstorm
