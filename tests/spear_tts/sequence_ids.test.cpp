#include "spearstorm/spear_tts/sequence_ids.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
namespace tts = ss::spear_tts;

namespace {

constexpr ss::text_to_semantic_shape shape{.num_text_token_ids = 9, .num_semantic_token_ids = 7, .autoset_text_eos_id = false};
ss::token::id_array const ids({2, 3}, {5, 0, 6, 4, -1, -1});

}  // namespace

TEST_CASE("spear_tts/sequence_ids: ends are set behind each row's last id, padding becomes an id that can be looked up") {
  auto const ended = tts::entered(ids, tts::token_kind::speech, shape, true);
  CHECK(ended.ids == ss::token::id_array({2, 4}, {5, 0, 6, 7, 4, 7, 0, 0}));
  CHECK(ended.valid == ss::token::flag_array({2, 4}, {1, 1, 1, 1, 1, 1, 0, 0}));
  CHECK(ended.padded());
  auto const open = tts::entered(ids, tts::token_kind::text, shape, true);  // texts of this model have no end
  CHECK(open.ids == ss::token::id_array({2, 3}, {5, 0, 6, 4, 0, 0}));
  CHECK_FALSE(tts::entered(ss::token::id_array({1, 2}, {0, 1}), tts::token_kind::text, shape, true).padded());
}

TEST_CASE("spear_tts/sequence_ids: the decoder sees the null key always, real frames where the source is not hidden") {
  ss::token::flag_array const valid({2, 2}, {1, 1, 1, 0});
  std::vector<ss::flag> const hidden{1, 0};
  CHECK(tts::context_mask(valid, {}) == ss::token::flag_array({2, 3}, {1, 1, 1, 1, 1, 0}));
  CHECK(tts::context_mask(valid, hidden) == ss::token::flag_array({2, 3}, {1, 0, 0, 1, 1, 0}));
  CHECK_THROWS_WITH(tts::context_mask(valid, std::vector<ss::flag>{1}),
                    "text_to_semantic: hidden has batch = 1, the source expects batch = 2");
}

TEST_CASE("spear_tts/sequence_ids: position t predicts the t-th id, padding predicts nothing") {
  auto const ended = tts::entered(ids, tts::token_kind::speech, shape, true);
  auto const found = tts::rows_of_targets(ended, 5);
  CHECK(std::vector<std::int32_t>(found.rows.begin(), found.rows.end()) == std::vector<std::int32_t>{0, 1, 2, 3, 5, 6});
  CHECK(std::vector<std::int32_t>(found.targets.begin(), found.targets.end()) == std::vector<std::int32_t>{5, 0, 6, 7, 4, 7});
  CHECK(found.lengths == std::vector<ss::index>{4, 2});
}

TEST_CASE("spear_tts/sequence_ids: an id that is out of range is named") {
  tts::check_ids("target", ids, tts::token_kind::speech, shape);
  auto const refused = [&](ss::token::id_array const& of, tts::token_kind kind, std::string const& what) {
    CHECK_THROWS_WITH(tts::check_ids("source", of, kind, shape), "text_to_semantic: source " + what);
  };
  refused(ss::token::id_array({2, 2}, {1, 2, 3, 10}), tts::token_kind::text,
          "(text) of example 1 holds 10 at position 1, expected 0 to 8; below 0 is padding");
  refused(ss::token::id_array({1, 2}, {1, 7}), tts::token_kind::speech,
          "(speech) of example 0 holds 7 at position 1, expected 0 to 6; the end of a row is set by the model");
  auto masks = shape;
  masks.semantic_mask_token = true;
  ss::token::id_array const masked({1, 2}, {1, tts::mask_id(masks)});
  tts::check_ids("source", masked, tts::token_kind::speech, masks);
  CHECK_THROWS_AS(tts::check_ids("target", masked, tts::token_kind::speech, masks), ss::value_error);  // nothing is predicted to be masked
}
