#pragma once
// Speculative decoding: the early exit drafts a few tokens, the rest of the decoder verifies them in one pass. What comes out is distributed
// as by plain sampling; a layer sees each frame once.

#include "spearstorm/spear_tts/generate_sample.hpp"
#include "spearstorm/token/speculative.hpp"

namespace SPEARSTORM_NS::spear_tts {

namespace detail {

/// What one round drafted for each row, and the features behind the exit's layer that verification goes on from.
template <class Features>
struct draft {
  std::vector<std::vector<std::int32_t>> ids;                                      // (rows, gamma)
  std::vector<std::vector<std::vector<float>>> probabilities;                      // (rows, gamma, vocab)
  std::vector<Features> features;                                                  // (gamma + 1) of (rows, 1, dim)
};

struct speculative_streams {
  random_stream draft, accept, next;
};

template <text_to_semantic_shape C, execution_policy Exec>
auto draft_tokens(decoder_rows<C, Exec>& rows, thread_team& team, std::vector<std::int32_t> ids, growing_rows const& grown, index exit,
                  random_stream const& draws, generate_options const& options) {
  draft<typename decoder_rows<C, Exec>::features> made;
  auto const n = static_cast<std::size_t>(rows.rows());
  made.ids.resize(n), made.probabilities.resize(n);
  for (index i = 0; i <= options.spec_decode_gamma; ++i) {
    made.features.push_back(rows.run(rows.enter(ids), i, 0, exit));                // (rows, 1, dim)
    if (i == options.spec_decode_gamma) break;  // the last drafted token is entered too: what follows it is drawn by the large model
    auto const logits = rows.early_logits(made.features.back());
    ids.resize(n);
    for_each_sampled(team, rows.rows(), options, [&](index r) {
      auto const at = static_cast<std::size_t>(r);
      index const example = rows.example(r);
      auto const left = filtered(logits.row(r, 0), options);
      made.probabilities[at].push_back(token::sampling_probabilities(left, options.temperature));
      ids[at] = token::gumbel_sample(left, options.temperature, draws, options.first_example + example, grown.length(example) + i);
      made.ids[at].push_back(ids[at]);
    });
  }
  return made;
}

/// Keyed by the position that a draw decides: what a refused draft used behind it decided nothing, so it may be used again.
template <class Features, class T>
std::vector<token::verdict> verify(thread_team& team, draft<Features> const& drafted, host_logits<T> const& logits, auto const& rows,
                                   growing_rows const& grown, speculative_streams const& streams, generate_options const& options) {
  std::vector<token::verdict> made(drafted.ids.size());
  index const gamma = options.spec_decode_gamma;
  for_each_sampled(team, static_cast<index>(made.size()), options, [&](index r) {
    auto const at = static_cast<std::size_t>(r);
    auto const example = static_cast<std::uint32_t>(options.first_example + rows.example(r));
    index const first = grown.length(rows.example(r));
    auto const position = [&](index i) { return static_cast<std::uint32_t>(first + i); };
    std::vector<std::vector<float>> p;
    std::vector<float> accept, next;
    for (index i = 0; i <= gamma; ++i) {
      p.push_back(token::sampling_probabilities(filtered(logits.row(r, i), options), options.temperature));
      if (i < gamma) accept.push_back(streams.accept.uniform(example, position(i)));
      next.push_back(streams.next.uniform(example, position(i)));
    }
    made[at] = token::verify_draft(p, drafted.probabilities[at], drafted.ids[at], accept, next, options.spec_decode_lenience);
  });
  return made;
}

}  // namespace detail

/// @see Leviathan et al. 2022 (arXiv 2211.17192);  spear-tts-pytorch: generate(spec_decode = True), whose caches keep refused tokens
template <text_to_semantic_shape C, execution_policy Exec>
generated generate_speculative(decoder_rows<C, Exec>& rows, inference<Exec>& ctx, token::id_array source, std::int32_t eos, index exit,
                               generate_options const& options) {
  growing_rows grown(rows.rows(), eos, options);
  detail::speculative_streams const streams{ctx.stream("spear_tts/draft"), ctx.stream("spear_tts/accept"), ctx.stream("spear_tts/next")};
  index const gamma = options.spec_decode_gamma;
  index drafted = 0, accepted = 0;
  std::vector<std::int32_t> ids;  // the last token of each row, which no layer has seen yet
  while (options.max_length > 0 && rows.rows() > 0) {
    rows.reserve_(gamma + 1);
    auto const [draft, verdicts] = [&] {
      auto const frame = ctx.frame();
      auto made = detail::draft_tokens(rows, ctx.work().team(), ids, grown, exit, streams.draft, options);
      using features = typename decoder_rows<C, Exec>::features;
      auto const x = nn::side_by_side<Exec, features>(ctx, made.features);         // (rows, gamma + 1, dim)
      auto const logits = rows.logits(rows.run(x, 0, exit, rows.depth()));
      auto found = detail::verify(ctx.work().team(), made, logits, rows, grown, streams, options);
      return std::pair{std::move(made.ids), std::move(found)};
    }();
    rows.advance_(gamma + 1);
    std::vector<index> left;
    ids.clear();
    for (index r = 0; r < rows.rows(); ++r) {
      auto const at = static_cast<std::size_t>(r);
      auto const& verdict = verdicts[at];
      drafted += gamma, accepted += verdict.accepted;
      for (index i = 0; i < verdict.accepted; ++i) grown.append(rows.example(r), draft[at][static_cast<std::size_t>(i)]);
      rows.truncate_(r, rows.length(r) - (gamma - verdict.accepted));  // the token before the draft and what stands of it
      if (grown.append(rows.example(r), verdict.next)) left.push_back(r), ids.push_back(verdict.next);
    }
    if (static_cast<index>(left.size()) < rows.rows()) rows.fork_(left);
    grown.report();
  }
  auto made = grown.result(std::move(source));
  made.drafted = drafted, made.accepted = accepted;
  return made;
}

}  // namespace SPEARSTORM_NS::spear_tts
