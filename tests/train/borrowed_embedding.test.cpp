// The two models of a system together: a SoundStorm that reads semantic tokens by a TextToSemantic's embedding.

#include "policies.hpp"
#include "spearstorm/optim/adamw.hpp"
#include "spearstorm/soundstorm/model.hpp"
#include "spearstorm/spear_tts/model.hpp"

#include "catch.hpp"

using namespace test;

namespace {

using exec = fastest;
constexpr ss::text_to_semantic_shape reader{
    .dim = 6, .source_depth = 1, .target_depth = 1, .num_text_token_ids = 5, .num_semantic_token_ids = 7, .dim_head = 4, .heads = 1};

}  // namespace

TEST_CASE("train/borrowed_embedding: a SoundStorm borrows a TextToSemantic's table, which it reads and leaves alone") {
  ss::workspace<exec> work{{.seed = 1}};
  ss::text_to_semantic<reader, exec> text{work};  // its table has a row for the end too
  ss::soundstorm::model<ss::dynamic_soundstorm, exec> sound{
      work,
      {.codebook_size = 4,
       .num_quantizers = 2,
       .body = {.dim = 8, .depth = 1, .dim_head = 4, .heads = 2, .conv_kernel_size = 3},
       .num_semantic_token_ids = 7,
       .semantic_dim = 6}};
  sound.condition->borrow(text.semantic_token_emb);
  ss::soundstorm::token_batch batch{.codes = ss::token::code_array({1, 4, 2}, {0, 1, 2, 3, 3, 2, 1, 0})};
  batch.semantic = ss::token::id_array({1, 4}, {6, 0, 3, 3});

  auto const loss = [&] {
    work.restore_({.seed = 2});
    ss::inference<exec> ctx{work};
    return ctx.item(sound.loss(ctx, batch).total);
  };
  double const before = loss();
  auto table = text.semantic_token_emb.to_host();
  ss::optim::adamw<exec> adam{{.rate = 0.1}};
  {
    ss::recording<exec> ctx{work};
    auto g = ctx.gradients(sound.loss(ctx, batch).total);
    adam.step_(work, sound, g);
  }
  CHECK(text.semantic_token_emb.to_host() == table);
  CHECK(loss() != before);

  double const here = loss();
  for (auto& x : table.values()) x += 1;
  text.semantic_token_emb.assign_(table.values());  // the lender trains on: the borrower reads what it has become
  CHECK(loss() != here);
}
