#include "spearstorm/spear_tts/decoder_rows.hpp"

#include "generation.hpp"

using namespace test;

TEST_CASE("spear_tts/decoder_rows: rows that fork, end and lose frames have the logits of the whole decoder, guided and not") {
  for (float scale : {1.0f, 2.5f}) {
    ss::workspace<exec> work{{.seed = 4}}, other{{.seed = 4}};
    auto const model = opinionated(work);
    ss::inference<exec> ctx{work};
    ss::spear_tts::decoder_rows<ss::dynamic_text_to_semantic, exec> rows(model, ctx, model.encode(ctx, three_sources, text), speech,
                                                                         {scale, 0});
    std::vector<ss::token::sequence> prefixes(3);
    auto const step = [&](std::vector<std::int32_t> const& ids) {
      for (std::size_t r = 0; r < ids.size(); ++r) prefixes[r].push_back(ids[r]);
      rows.reserve_(1);
      auto const logits = rows.logits(rows.run(rows.enter(ids), 0, 0, rows.depth()));
      rows.advance_(1);
      for (ss::index r = 0; r < rows.rows(); ++r) {
        auto const source = ss::token::row_of(three_sources, rows.example(r));
        auto const& prefix = prefixes[static_cast<std::size_t>(r)];
        auto const with = logits_after(model, other, source, prefix);
        INFO("row " << r << " of example " << rows.example(r) << ", " << prefix.size() << " tokens, scale " << scale);
        check_close(logits.row(r, 0), ss::token::guided<float>(with, logits_after(model, other, source, prefix, true), {scale, 0}));
      }
    };
    auto const fork = [&](std::vector<ss::index> const& parents) {
      rows.fork_(parents);
      auto const before = prefixes;
      prefixes.clear();
      for (auto p : parents) prefixes.push_back(before[static_cast<std::size_t>(p)]);
    };
    step({});
    step({4, 1, 2});
    fork({2, 0, 2, 2});
    CHECK(rows.cache().blocks_in_use() == 2 * (scale == 1 ? 1 : 2));
    step({0, 1, 3, 0});
    fork({1, 3});
    for (int i = 0; i < 20; ++i) step({i % 5, (i + 3) % 5});  // over the border of a block
    rows.truncate_(1, 4);                                     // the start token, then three
    prefixes[1].resize(3);
    step({2, 4});
    CHECK(rows.length(1) == 5);
    fork({});
    CHECK(rows.cache().blocks_in_use() == 0);
  }
}
