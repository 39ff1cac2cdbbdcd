#pragma once
// Small models and what their generations are compared with: the whole decoder, run again for every prefix.

#include "check_op.hpp"
#include "spearstorm/backend/counted.hpp"
#include "spearstorm/spear_tts/generate.hpp"

namespace test {

using exec = ss::counted<fastest>;
using model_type = ss::text_to_semantic<ss::dynamic_text_to_semantic, exec>;
using ss::spear_tts::generate_options;
using ss::spear_tts::token_kind;
inline constexpr auto text = token_kind::text, speech = token_kind::speech;
using row = std::vector<float>;

/// 6 text ids, 5 semantic ids, grouped heads, an exit behind the first of three layers.
inline constexpr ss::text_to_semantic_shape small{.dim = 12,
                                                  .source_depth = 1,
                                                  .target_depth = 3,
                                                  .num_text_token_ids = 6,
                                                  .num_semantic_token_ids = 5,
                                                  .dim_head = 4,
                                                  .heads = 4,
                                                  .target_kv_heads = 2,
                                                  .ff_mult = 2,
                                                  .target_early_exit_layer = 1};

/// A model that has opinions: logits spread by about 2, and no preference for the token before.
inline model_type opinionated(ss::workspace<exec>& work, ss::text_to_semantic_shape const& shape = small, double spread = 0.7) {
  model_type model{work, shape, {.cond_drop_prob = 0.1}};
  std::vector<float> gamma;
  for (ss::index i = 0; i < shape.dim; ++i)
    gamma.push_back(static_cast<float>(spread) * ss::random_stream{77, 0, 0}.normal(0, static_cast<std::uint32_t>(i)));
  model.target_transformer.final_norm.gamma.assign_(gamma);
  return model;
}

inline ss::token::id_array ids_of(std::vector<ss::token::sequence> const& of) { return ss::token::pad_rows(of); }
inline ss::token::id_array const three_sources = ids_of({{1, 0, 5, 4}, {2, 5}, {3, 3, 1}});

/// The logits behind a prefix, by the whole decoder. @shape returns (vocab)
inline row logits_after(model_type const& model, ss::workspace<exec>& work, ss::token::sequence const& source,
                        ss::token::sequence const& prefix, bool hidden = false, token_kind from = text, token_kind to = speech) {
  ss::inference<exec> ctx{work};
  std::vector<ss::flag> const hide{hidden};
  auto const all = ctx.download(model.logits(ctx, {ids_of({source}), ids_of({prefix})}, from, to, hide));
  auto const vocab = all.extent(2);
  return {all.end() - vocab, all.end()};
}

inline void check_close(row const& found, row const& expected) {
  detail::compare("logits", {found.begin(), found.end()}, {expected.begin(), expected.end()},
                  ss::tolerance_of<float>(ss::computed::whole_model));
}

/// A filter that removes nothing and remembers the logits of every row and step.
inline auto remembering(std::vector<row>& seen) {
  return [&seen](std::span<float const> logits) {
    seen.emplace_back(logits.begin(), logits.end());
    return seen.back();
  };
}

}  // namespace test
