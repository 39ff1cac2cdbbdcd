#include "generation.hpp"

using namespace test;

namespace {

/// FLOPs of products of a whole generation from two sources of this length.
double spent(ss::index source_length, generate_options const& options) {
  ss::workspace<exec> work{{.seed = 7}};
  auto shape = small;
  shape.autoset_semantic_eos_id = false;  // no row ends
  auto const model = opinionated(work, shape);
  ss::token::sequence const source(static_cast<std::size_t>(source_length), 2);
  *work.exec().counts = {};
  ss::spear_tts::generate(model, work, ids_of({source, source}), text, speech, options);
  return work.exec().counts->flops;
}

// multiply-adds of a frame: dim 12, inner 16, feed-forward 16; the decoder's keys 8. Attention to a cache is no product.
constexpr double self = 12 * 16 + 2 * 12 * 8 + 16 * 12, cross = 12 * 16 + 16 * 12, ff = 3 * 12 * 16, logits = 12 * 5;
constexpr double of_token = 2 * (3 * (self + cross + ff) + logits), of_source_frame = 2 * 3 * 2 * 12 * 16;

}  // namespace

TEST_CASE("spear_tts/decode_cost: the source's keys and values are projected once, whatever the number of tokens, beams and guided rows") {
  std::vector<generate_options> ways(5);
  ways[1].cond_scale = 2;
  ways[2].beam_search_decode = true, ways[2].beam_size = 4;
  ways[3].beam_search_decode = true, ways[3].beam_size = 3, ways[3].cond_scale = 2;
  ways[4].spec_decode = true, ways[4].spec_decode_gamma = 3, ways[4].spec_decode_lenience = 0;
  ways[4].filter_thres = 1;                  // so that every draft stands
  std::vector<double> rows{2, 4, 8, 12, 0};  // of the decoder, from the second step on; drafts are counted elsewhere
  for (std::size_t i = 0; i < ways.size(); ++i) {
    INFO("way " << i);
    auto const of = [&](ss::index source_length, ss::index tokens) {
      auto options = ways[i];
      options.max_length = tokens;
      return spent(source_length, options);
    };
    double const encoded = of(40, 0) - of(3, 0);  // an encoder's layer has keys of 16, and two products of its attention
    double const pairs = 41 * 41 - 4 * 4;         // the source's end is a frame
    CHECK(encoded == 2 * (37 * (2 * (4 * 12 * 16 + ff) + of_source_frame) + pairs * 2 * 2 * 16));
    for (ss::index tokens : {1, 12, 30}) CHECK(of(40, tokens) - of(3, tokens) == encoded);
    if (rows[i] > 0) CHECK(of(40, 30) - of(40, 12) == 18 * rows[i] * of_token);
  }
}
