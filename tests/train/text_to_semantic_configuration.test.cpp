#include "spearstorm/train/text_to_semantic_configuration.hpp"

#include "io/scratch.hpp"
#include "policies.hpp"
#include "spearstorm/spear_tts/model.hpp"
#include "spearstorm/train/checkpoint.hpp"

namespace ss = spearstorm;
using namespace test_io;
using exec = ss::cpu::scalar<>;
using net_type = ss::text_to_semantic<ss::dynamic_text_to_semantic, exec>;

TEST_CASE("train/text_to_semantic_configuration: a checkpoint says what to build, and a model of another shape is refused") {
  scratch folder;
  ss::text_to_semantic_shape const shape{.dim = 8,
                                         .source_depth = 1,
                                         .target_depth = 2,
                                         .num_text_token_ids = 6,
                                         .num_semantic_token_ids = 5,
                                         .dim_head = 4,
                                         .heads = 2,
                                         .target_kv_heads = 1,
                                         .autoset_text_eos_id = false,
                                         .target_early_exit_layer = 1,
                                         .semantic_mask_token = true};
  ss::workspace<exec> work{{.seed = 1}};
  net_type const model{work, shape, {.cond_drop_prob = 0.25, .align_reg_loss_weight = 0.5}};
  ss::train::save_checkpoint(folder / "a", work, model, ss::optim::adamw<exec>{}, 7);
  auto const found = ss::train::read_text_to_semantic(folder / "a");
  CHECK(found.shape == shape);
  CHECK(found.options.cond_drop_prob == 0.25);
  CHECK(found.options.align_reg_loss_weight == 0.5);
  net_type other{work, found.shape, found.options};
  CHECK(ss::train::load_model_(folder / "a", other).step == 7);
  CHECK(other.text_token_emb.to_host() == model.text_token_emb.to_host());
  CHECK(other.semantic_mask_token->to_host() == model.semantic_mask_token->to_host());

  auto regrouped = shape;
  regrouped.heads = 1, regrouped.dim_head = 8;  // of the same product
  net_type another{work, regrouped};
  CHECK_THROWS_WITH(ss::train::load_model_(folder / "a", another), contains("was made by a model of another shape:") &&
                                                                       contains("heads is 2, the model has 1") &&
                                                                       contains("dim_head is 4, the model has 8"));
  CHECK_THROWS_WITH(ss::train::text_to_semantic_of(ss::io::json::object(), "here: "), "here: its model is no TextToSemantic");
}
