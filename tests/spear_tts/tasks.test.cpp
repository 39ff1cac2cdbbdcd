#include "spearstorm/spear_tts/tasks.hpp"

#include "policies.hpp"

#include "catch.hpp"

using namespace test;
namespace tts = ss::spear_tts;

namespace {

using exec = fastest;
using model_type = ss::text_to_semantic<ss::dynamic_text_to_semantic, exec>;
constexpr ss::text_to_semantic_shape small{.dim = 12,
                                           .source_depth = 1,
                                           .target_depth = 2,
                                           .num_text_token_ids = 9,
                                           .num_semantic_token_ids = 7,
                                           .dim_head = 4,
                                           .heads = 2,
                                           .ff_mult = 2,
                                           .target_early_exit_layer = 1,
                                           .semantic_mask_token = true};

ss::token::id_array ids_of(std::vector<ss::token::sequence> const& of) { return ss::token::pad_rows(of); }

}  // namespace

TEST_CASE("spear_tts/tasks: each is the model's loss between its two kinds, the early exit where there is one") {
  ss::workspace<exec> work{{.seed = 1}};
  model_type const model{work, small};
  ss::token::pair_batch const batch{ids_of({{1, 0, 6}, {2, 5}}), ids_of({{6, 0}, {1, 2, 3}})};
  ss::inference<exec> ctx{work};
  auto const plain = model.loss_of(ctx, batch, tts::token_kind::text, tts::token_kind::speech, {}, {.return_early_exit_loss = true});
  REQUIRE(plain.early_exit);
  CHECK(ctx.item(tts::text_to_semantic_task{}(ctx, model, batch)) == ctx.item(plain.total));
  CHECK(ctx.item(tts::semantic_to_text_task{}(ctx, model, batch)) ==
        ctx.item(model.loss_of(ctx, batch, tts::token_kind::speech, tts::token_kind::text, {}).total));

  auto shape = small;
  shape.target_early_exit_layer = 0;  // the package's wrapper asks for its loss all the same, and fails
  model_type const without{work, shape};
  CHECK(std::isfinite(ctx.item(tts::text_to_semantic_task{}(ctx, without, batch))));
}

TEST_CASE("spear_tts/tasks: what pretraining shows and asks for, by hand") {
  auto const ids = ids_of({{4, 5, 6, 5}, {1, 2}});
  ss::token::flag_array const deleted({2, 4}, {0, 1, 0, 1, 1, 0, 0, 0});
  tts::pretraining_task const deletes, rebuilds{.spoil = {.reconstruct_seq = true}}, masks{.spoil = {.mask_deleted = true}};
  CHECK(deletes.spoiled(small, ids, deleted) == ss::token::pair_batch{ids_of({{4, 6}, {2}}), ids_of({{5, 5}, {1}})});
  CHECK(rebuilds.spoiled(small, ids, deleted) == ss::token::pair_batch{ids_of({{4, 6}, {2}}), ids});
  CHECK(masks.spoiled(small, ids, deleted) == ss::token::pair_batch{ids_of({{4, 8, 6, 8}, {8, 2}}), ids});
  auto shape = small;
  shape.semantic_mask_token = false;
  CHECK_THROWS_WITH(masks.spoiled(shape, ids, deleted),
                    "pretraining_task: mask_deleted with semantic_mask_token = false, expected a model with a mask token");
}

TEST_CASE("spear_tts/tasks: deletion is drawn by global example, so two ranks see what one does") {
  ss::workspace<exec> work{{.seed = 3}};
  model_type const model{work, small};
  auto const all = ids_of({{1, 2, 3, 4, 5, 6}, {6, 5, 4, 3, 2, 1}});
  auto const second = ids_of({{6, 5, 4, 3, 2, 1}});
  tts::pretraining_task const task;
  auto const loss = [&](ss::token::id_array const& ids, std::uint32_t first) {
    work.restore_({.seed = 3, .step = 5});
    ss::inference<exec> ctx{work, {.first_example = first}};
    return ctx.item(task(ctx, model, ss::token::pair_batch{ids, {}}));
  };
  auto const mean = loss(all, 0), alone = loss(second, 1), other = loss(second, 0);
  CHECK(alone != other);
  CHECK(mean == Approx((loss(ids_of({{1, 2, 3, 4, 5, 6}}), 0) + alone) / 2).epsilon(1e-5));  // three ids and an end in each
}
