#pragma once
// Beam search of a batch: the live hypotheses of all examples are rows of one step and share their keys.

#include "spearstorm/spear_tts/decoder_rows.hpp"
#include "spearstorm/spear_tts/generate_options.hpp"
#include "spearstorm/token/log_softmax.hpp"

namespace SPEARSTORM_NS::spear_tts {

/// The best hypothesis of each example as its row; all of n_best in `beams`.
/// @see spear-tts-pytorch: generate(beam_search_decode = True), where finished beams go on and there is no length penalty
template <text_to_semantic_shape C, execution_policy Exec>
generated generate_beam(decoder_rows<C, Exec>& rows, inference<Exec>& ctx, token::id_array source, std::int32_t eos,
                        generate_options const& options) {
  index const examples = rows.rows();
  std::vector<token::beam_search> beams(static_cast<std::size_t>(examples), token::beam_search({.beam_size = options.beam_size,
                                                                                                .length_penalty = options.length_penalty,
                                                                                                .n_best = options.n_best,
                                                                                                .max_length = options.max_length,
                                                                                                .eos = eos}));
  std::vector<std::int32_t> ids;
  for (index step = 0; step < options.max_length && rows.rows() > 0; ++step) {
    auto const logits = [&] {
      auto const frame = ctx.frame();
      rows.reserve_(1);
      auto const x = rows.run(rows.enter(ids), 0, 0, rows.depth());                // (rows, 1, dim)
      rows.advance_(1);
      return rows.logits(x);
    }();
    std::vector<std::vector<double>> log_probs(static_cast<std::size_t>(rows.rows()));
    ctx.work().team().run(options.filter_logits ? 0 : rows.rows(), [&](index r) {
      log_probs[static_cast<std::size_t>(r)] = token::log_softmax(token::with_temperature(logits.row(r, 0), options.temperature));
    });
    if (options.filter_logits)
      for (index r = 0; r < rows.rows(); ++r)
        log_probs[static_cast<std::size_t>(r)] =
            token::log_softmax(token::with_temperature(filtered(logits.row(r, 0), options), options.temperature));

    std::vector<index> parents;
    ids.clear();
    for (index first = 0, end = 0; first < rows.rows(); first = end) {  // rows of an example stand side by side
      index const example = rows.example(first);
      while (end < rows.rows() && rows.example(end) == example) ++end;
      auto& beam = beams[static_cast<std::size_t>(example)];
      auto const next = beam.advance_(std::span(log_probs).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(end - first)));
      if (beam.done()) continue;
      for (std::size_t i = 0; i < next.ids.size(); ++i) parents.push_back(first + next.parents[i]), ids.push_back(next.ids[i]);
    }
    rows.fork_(parents);
    if (options.progress) options.progress(step + 1, options.max_length);
  }

  generated made{{}, {}, {}, std::move(source)};
  std::vector<token::sequence> best;
  for (auto const& beam : beams) {
    made.beams.push_back(beam.best());
    bool const found = !made.beams.back().empty();  // nothing: no token was allowed
    best.push_back(found ? made.beams.back().front().ids : token::sequence{});
    made.ended.push_back(found && made.beams.back().front().ended);
    if (made.ended.back() && options.keep_eos) best.back().push_back(eos);
  }
  made.ids = token::pad_rows(best);
  made.valid = token::valid_ids(made.ids);
  return made;
}

}  // namespace SPEARSTORM_NS::spear_tts
