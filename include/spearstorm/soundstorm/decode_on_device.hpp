#pragma once
// decoding::paper where the logits are: codes go in before the first pass and come out after the last one.

#include "spearstorm/ops/sample_rows.hpp"
#include "spearstorm/soundstorm/decode_paper.hpp"
#include "spearstorm/soundstorm/device_codes.hpp"

namespace SPEARSTORM_NS::soundstorm {

namespace detail {

/// What each guess is ranked by, as an ordered integer: its confidence, its log with noise, or the critic's score with noise.
template <class T>
struct score_elements {
  float const* confidence;
  T const* fakes;                                                                  // (batch, frames, levels), null without a critic
  std::int32_t const* open;
  std::int32_t* scores;
  index frames, levels, level, first_example;
  random_stream noise;
  float scale;  // of the noise; without a critic 0 is none, nor a log
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index r = first; r < first + count; ++r) scores[r] = ordered(score(r, open[r]));
  }
  SPEARSTORM_HD float score(index r, index at) const {
    if (!fakes && scale == 0.0f) return confidence[r];
    float const drawn =
        scale * noise.gumbel(static_cast<std::uint32_t>(first_example + at / frames), static_cast<std::uint32_t>(at % frames));
    return fakes ? -static_cast<float>(fakes[at * levels + level]) - drawn : logf(confidence[r]) + drawn;
  }
};

/// What is known of a pass before any has run.
struct known_pass {
  token::decode_pass pass;
  index open = 0;      ///< frames that it must guess
  bool ranks = false;  ///< leaves some of them masked
};

/// All passes, and what they find and leave of each row.
/// @shape kept (2 passes, batch): rows 2 p and 2 p + 1 are the kept_frames of pass p
struct known_passes {
  std::vector<known_pass> passes;
  array<std::int32_t, axes::rows<>, axes::batch<>> kept;
};
inline known_passes known_of(token::decode_plan const& plan, token::decoding_state const& start) {
  index const batch = start.codes.extent(0);
  known_passes made{.passes = {}, .kept = decltype(known_passes::kept)({2 * static_cast<index>(plan.passes.size()), batch})};
  std::vector<index> totals, open;
  std::int32_t* at = made.kept.data();
  for (auto const& pass : plan.passes) {
    if (pass.step == 0) open = totals = token::masked_totals(start, pass.level);
    auto const keep = plan.keep_masked(pass, totals);
    known_pass known{.pass = pass};
    for (std::size_t b = 0; b < open.size(); ++b, ++at) {
      at[0] = static_cast<std::int32_t>(known.open), at[batch] = static_cast<std::int32_t>(keep[b]);
      known.open += open[b];
      known.ranks = known.ranks || keep[b] > 0;
    }
    at += batch;
    made.passes.push_back(known);
    open = keep;
  }
  return made;
}

/// How the rows of a pass are sampled.
inline ops::sample_options sampling_of(paper_pass const& of, index vocab, index frames) {
  auto const& options = *of.options;
  auto const filter = options.filter();
  return {.guidance = {options.cond_scale, options.cond_rescale},
          .temperature = of.pass.greedy ? 0.0f : of.temperature(),
          .top_k = filter.top_k > 0 ? filter.top_k : token::soundstorm_top_k_count(vocab, filter.filter_thres),
          .top_p = filter.top_p,
          .noise = of.noise,
          .first_example = options.first_example,
          .positions = frames};
}

/// @shape open (rows)  confidence (rows)  returns (rows), ordered integers
template <class Denoiser, execution_policy Exec>
row_tensor scores_of(inference<Exec>& ctx, Denoiser const& net, device_codes<Exec> const& codes, row_tensor const& open,
                     ops::sampled_rows<axes::rows<>> const& made, bool critic, paper_pass const& of) {
  using T = typename Exec::value_type;
  auto const& options = *of.options;
  auto const once = codes.once();                                                  // (batch, frames, levels)
  T const* const fakes = critic ? net.fakes(once, options.critic_sees_all.value_or(true)).data() : nullptr;
  index const n = made.ids.size();
  auto* const scores = ctx.template allocate<std::int32_t>(n);
  verbs::transform<float>(ctx.exec(), n, backend::move_span,
                          score_elements<T>{made.confidence.data(), fakes, open.data(), scores, once.extent(1), once.extent(2),
                                            of.pass.level, options.first_example, of.draws(critic ? "critic" : "confidence"),
                                            of.left() * (critic ? options.noise_level_scale : options.confidence_noise)});
  return ctx.template wrap<typename row_tensor::axes_type>(scores, {n});
}

}  // namespace detail

/// What decode_paper gives when nobody watches and nothing is drawn again, with the same random numbers; for a policy whose memory the host
/// cannot read. One transfer to the host, the codes'. The order of passes and draws is decode_paper's.
/// @throws value_error where options.repetition is set: it reads what stands before each frame
/// @see    decode_paper, ops::sample_rows
template <soundstorm_shape C, execution_policy Exec>
token::code_array decode_on_device(model<C, Exec> const& of, inference<Exec>& ctx, generate_size const& size,
                                   generate_options const& options) {
  check_range<index>("decode_on_device", "repetition.window", options.repetition.window, 0, 0);
  auto const& shape = of.shape();
  auto const start = token::start_decoding(size.valid, shape.levels(), shape.codebook_size, options.prompt, options.prompt_lengths);
  auto const known = detail::known_of(detail::plan_of(options, shape.levels(), size.frames), start);
  bool const critic = options.use_critic.value_or(of.token_critic.has_value());
  denoiser<C, Exec> net(of, ctx, size, options);
  device_codes<Exec> codes(ctx, start, size, net.rows() / size.batch);
  std::int32_t const* kept = ctx.upload(known.kept).data();                        // (2 passes, batch)
  for (index p = 0; p < static_cast<index>(known.passes.size()); ++p, kept += 2 * size.batch) {
    auto const& [pass, open, ranks] = known.passes[static_cast<std::size_t>(p)];
    detail::paper_pass const now{pass, &options, ctx.stream("soundstorm/sample")};
    if (open > 0) {
      auto const frame = ctx.frame();
      auto const rows = codes.open(pass.level, open);                              // (rows), with guidance twice
      auto const first = ctx.template wrap<row_tensor::axes_type>(rows.data(), {open});  // (rows)
      auto const logits = net.logits(net.run(codes.shown()), rows, pass.level);    // (rows, vocab), with guidance twice
      auto const made = ops::sample_rows(ctx, logits, first, detail::sampling_of(now, shape.codebook_size, size.frames));  // (rows) each
      codes.place_(pass.level, first, made.ids);
      if (ranks)
        codes.mask_again_(pass.level, first, detail::scores_of(ctx, net, codes, first, made, critic, now), {kept, kept + size.batch});
    }
    if (options.progress) options.progress(p + 1, static_cast<index>(known.passes.size()));
  }
  return ctx.download(codes.once());                                               // (batch, frames, levels)
}

}  // namespace SPEARSTORM_NS::soundstorm
