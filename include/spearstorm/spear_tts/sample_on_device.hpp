#pragma once
// Plain sampling where the logits are: ids go from one step into the next there, and the host looks every few steps which rows have ended.

#include "spearstorm/ops/sample_rows.hpp"
#include "spearstorm/spear_tts/decoder_rows.hpp"
#include "spearstorm/spear_tts/growing_rows.hpp"

namespace SPEARSTORM_NS::spear_tts {

inline constexpr index steps_between_looks = 16;  ///< what a row runs on behind its end, at most; a block of the cache

namespace detail {

/// Options that see each token before the next one is drawn.
inline bool looks_at_each_token(generate_options const& o) { return o.filter_logits || o.repetition.window > 0 || o.on_token; }

inline ops::sample_options sampling_of(generate_options const& o, index vocab, random_stream const& draws, index position) {
  return {.guidance = {o.cond_scale, o.cond_rescale},
          .temperature = o.temperature,
          .top_k = o.top_k > 0 ? o.top_k : token::spear_tts_top_k_count(vocab, o.filter_thres),
          .top_p = o.top_p,
          .noise = draws,
          .first_example = o.first_example,
          .first_position = position};
}

/// The next tokens of each row. @param ids of the step before, empty before the first  @shape returns (frames, rows)
template <text_to_semantic_shape C, execution_policy Exec>
auto next_tokens(decoder_rows<C, Exec>& rows, inference<Exec>& ctx, std::span<std::int32_t const> ids, index position, index count,
                 random_stream const& draws, generate_options const& options) {
  using frames_of_rows = axis_list<axes::frames<>, axes::batch<>>;
  auto const frame = ctx.frame();
  index const n = rows.rows();
  rows.reserve_(count);
  auto const ahead = rows.ahead(count);
  array<std::int32_t, axes::rows<>> examples({n});
  for (index r = 0; r < n; ++r) examples(r) = static_cast<std::int32_t>(rows.example(r));
  auto const places = ctx.upload(examples);                                        // (rows)
  auto* const drawn = ctx.template allocate<std::int32_t>(count * n);
  for (index i = 0; i < count; ++i) {
    auto const step = ctx.frame();
    auto const x = i == 0 ? rows.enter(ids) : rows.enter(ctx.template wrap<axis_list<axes::rows<>>>(drawn + (i - 1) * n, {n}));
    auto const y = rows.scores(rows.run(x, ahead, i));                             // (rows, 1, vocab)
    auto const made = ops::sample_rows(ctx, view<axes::rows<>, axes::vocab<>>(y, {y.rows(), y.cols()}), places,
                                       sampling_of(options, y.cols(), draws, position + i));  // (rows) each
    verbs::copy_rows(ctx.exec(), 1, n, made.ids.data(), n, drawn + i * n, n);
  }
  rows.advance_(count);
  return ctx.download(ctx.template wrap<frames_of_rows>(drawn, {count, n}));       // (frames, rows)
}

}  // namespace detail

/// What generate_sample gives where no option looks at each token, with the same random numbers; for a policy whose memory the host cannot
/// read. One transfer to the host every 16 steps, the ids'; what a row drew behind its end is dropped.
/// @see generate_sample, ops::sample_rows
template <text_to_semantic_shape C, execution_policy Exec>
generated sample_on_device(decoder_rows<C, Exec>& rows, inference<Exec>& ctx, token::id_array source, std::int32_t eos,
                           generate_options const& options) {
  growing_rows grown(rows.rows(), eos, options);
  auto const draws = ctx.stream("spear_tts/sample");
  std::vector<std::int32_t> ids;  // of the step before; none before the first
  for (index step = 0; step < options.max_length && rows.rows() > 0; step += steps_between_looks) {
    index const count = std::min(steps_between_looks, options.max_length - step);
    auto const drawn = detail::next_tokens(rows, ctx, ids, step, count, draws, options);  // (frames, rows)
    std::vector<index> left;
    ids.clear();
    for (index r = 0; r < rows.rows(); ++r) {
      index i = 0;
      while (i < count && grown.append(rows.example(r), drawn(i, r))) ++i;
      if (i == count) left.push_back(r), ids.push_back(drawn(count - 1, r));
    }
    if (static_cast<index>(left.size()) < rows.rows()) rows.fork_(left);
    grown.report();
  }
  return grown.result(std::move(source));
}

}  // namespace SPEARSTORM_NS::spear_tts
