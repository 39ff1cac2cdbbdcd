#pragma once
// Plain sampling: one token of every row that has not ended, from left to right.

#include "spearstorm/spear_tts/decoder_rows.hpp"
#include "spearstorm/spear_tts/growing_rows.hpp"

namespace SPEARSTORM_NS::spear_tts {

/// A token of one row, by (example, position) of the streams.
struct row_sampler {
  generate_options const* of;
  random_stream draws, again;

  std::int32_t operator()(std::vector<float> const& logits, index example, token::sequence const& before) const {
    auto const position = static_cast<index>(before.size());
    auto const id = token::gumbel_sample(filtered(logits, *of), of->temperature, draws, of->first_example + example, position);
    if (of->repetition.window == 0 || !token::repeats(before, id, of->repetition)) return id;
    return token::gumbel_sample(logits, 1, again, of->first_example + example, position);  // from all tokens, as VALL-E 2
  }
};

/// f(row) for each row, by the team; by this thread alone where f asks a function of the user's.
void for_each_sampled(thread_team& team, index rows, generate_options const& options, auto const& f) {
  if (options.filter_logits) {
    for (index r = 0; r < rows; ++r) f(r);
  } else {
    team.run(rows, f);
  }
}

/// @see spear-tts-pytorch: generate, without beams and drafts
template <text_to_semantic_shape C, execution_policy Exec>
generated generate_sample(decoder_rows<C, Exec>& rows, inference<Exec>& ctx, token::id_array source, std::int32_t eos,
                          generate_options const& options) {
  growing_rows grown(rows.rows(), eos, options);
  row_sampler const sample{&options, ctx.stream("spear_tts/sample"), ctx.stream("spear_tts/repetition")};
  std::vector<std::int32_t> ids;  // of the step before; none before the first
  for (index step = 0; step < options.max_length && rows.rows() > 0; ++step) {
    auto const logits = [&] {
      auto const frame = ctx.frame();
      rows.reserve_(1);
      auto const x = rows.run(rows.enter(ids), 0, 0, rows.depth());                // (rows, 1, dim)
      rows.advance_(1);
      return rows.logits(x);
    }();
    std::vector<std::int32_t> drawn(static_cast<std::size_t>(rows.rows()));
    for_each_sampled(ctx.work().team(), rows.rows(), options, [&](index r) {
      drawn[static_cast<std::size_t>(r)] = sample(logits.row(r, 0), rows.example(r), grown.ids[static_cast<std::size_t>(rows.example(r))]);
    });
    std::vector<index> left;
    ids.clear();
    for (index r = 0; r < rows.rows(); ++r)
      if (auto const id = drawn[static_cast<std::size_t>(r)]; grown.append(rows.example(r), id)) left.push_back(r), ids.push_back(id);
    if (static_cast<index>(left.size()) < rows.rows()) rows.fork_(left);
    grown.report();
  }
  return grown.result(std::move(source));
}

}  // namespace SPEARSTORM_NS::spear_tts
