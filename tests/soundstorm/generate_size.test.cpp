#include "spearstorm/soundstorm/generate_size.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using namespace spearstorm::soundstorm;
using ss::index;

namespace {
ss::soundstorm_shape const plain{.codebook_size = 8, .num_quantizers = 3};
ss::soundstorm_shape const conditioned{.codebook_size = 8, .num_quantizers = 3, .num_semantic_token_ids = 5};
/// 50 Hz to 75 Hz.
semantic_rates const rates{
    .wav2vec_target_sample_hz = 16000, .wav2vec_downsample_factor = 320, .codec_target_sample_hz = 24000, .codec_downsample_factor = 320};
token::id_array const semantic({2, 4}, {0, 1, 2, 3, 4, -1, 2, -1});  // 4 tokens, 3 tokens with one missing inside

generate_size of(generate_options const& options, ss::soundstorm_shape const& shape = plain, semantic_rates const& at = {}) {
  return size_of(options, shape, at);
}
}  // namespace

TEST_CASE("soundstorm/generate_size: how long, by hand") {
  CHECK(of({.num_latents = 7}).frames == 7);
  CHECK(of({.num_latents = 7, .batch_size = 3}).valid == token::all_valid(3, 7));
  auto const rows = of({.lengths = {4, 6}});
  CHECK((rows.batch == 2 && rows.frames == 6 && rows.padded));
  CHECK(rows.valid == token::flag_array({2, 6}, {1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1}));
  CHECK_FALSE(of({.lengths = {6, 6}}).padded);
  CHECK(of({.num_latents = 8, .lengths = {4, 6}}).frames == 8);
  auto const holes = of({.mask = token::flag_array({1, 3}, {1, 0, 1})});
  CHECK((holes.frames == 3 && holes.padded));
  CHECK(of({.num_latents = 9, .prompt = token::code_array({4, 2, 3})}).batch == 4);
}

TEST_CASE("soundstorm/generate_size: seconds are whole frames of the codec, as in soundstorm-pytorch") {
  CHECK(of({.seconds = 2, .frames_per_second = 50}).frames == 100);
  CHECK(of({.seconds = 0.99, .frames_per_second = 50}).frames == 49);
  CHECK(of({.seconds = 1.999}, plain, rates).frames == 149);  // (1.999 * 24000) // 320
  CHECK(of({.seconds = 2, .frames_per_second = 10}, plain, rates).frames == 20);
  CHECK_THROWS_WITH(of({.num_latents = 3, .seconds = 2}), "generate: num_latents = 3 and seconds = 2, expected one of them");
  CHECK_THROWS_WITH(of({.seconds = 2}),
                    "generate: seconds = 2 with frames_per_second = 0 and a model without rates, expected one of these");
  CHECK_THROWS_WITH(of({.seconds = 0.01, .frames_per_second = 50}), "generate: seconds = 0.01 are 0.5 frames, expected 1 or more");
  CHECK_THROWS_AS(of({.seconds = -1, .frames_per_second = 50}), ss::value_error);
}

TEST_CASE("soundstorm/generate_size: semantic tokens say how long each row is, the package makes all as long as the longest") {
  auto const ours = of({.semantic = semantic}, conditioned, rates);
  CHECK((ours.batch == 2 && ours.frames == 6));
  CHECK(ours.valid == token::valid_frames(std::vector<index>{6, 5}, 6));  // ceil(4 * 1.5), ceil(3 * 1.5)
  auto const theirs = of({.semantic = semantic, .decoding = decoding::soundstorm_pytorch}, conditioned, rates);
  CHECK(theirs.valid == token::all_valid(2, 6));
  CHECK(of({.num_latents = 8, .semantic = semantic}, conditioned, rates).valid == token::all_valid(2, 8));  // a fixed length
  CHECK_THROWS_WITH(of({.num_latents = 20, .semantic = semantic}, conditioned, rates),
                    "semantic_rates: example 0 has 4 semantic tokens at 50 Hz, 0.08 s, and 20 codec frames at 75 Hz, 0.266667 s, expected "
                    "a difference of "
                    "at most 0.1 s");
}

TEST_CASE("soundstorm/generate_size: what does not fit together") {
  CHECK_THROWS_WITH(of({}), "generate: num_latents = 0, expected 1 or more, or lengths");
  CHECK_THROWS_WITH(of({.lengths = {2}, .mask = token::all_valid(1, 2)}),
                    "generate: lengths of 1 rows and a mask of 1 rows are given, expected one of them");
  CHECK_THROWS_WITH(of({.lengths = {2, 3}, .prompt = token::code_array({1, 1, 3})}),
                    "generate: prompt has batch = 1, lengths expects batch = 2");
  CHECK_THROWS_WITH(of({.batch_size = 4, .lengths = {2, 3}}), "generate: batch_size has batch = 4, lengths expects batch = 2");
  CHECK_THROWS_WITH(of({.num_latents = 4, .mask = token::all_valid(1, 2)}),
                    "generate: mask has frames = 2, num_latents expects frames = 4");
  CHECK_THROWS_WITH(
      of({.num_latents = 4, .semantic = semantic}),
      "generate: semantic holds 8 tokens, num_semantic_token_ids = 0, expected tokens for a model with a condition, and for no other");
  CHECK_THROWS_WITH(
      of({.num_latents = 4}, conditioned),
      "generate: semantic holds 0 tokens, num_semantic_token_ids = 5, expected tokens for a model with a condition, and for no other");
}

TEST_CASE("soundstorm/generate_size: options outside their range, beyond the model, or beyond the package") {
  auto const check = [](generate_options const& options, ss::soundstorm_shape const& shape = plain) { check_options(options, shape); };
  CHECK_NOTHROW(check({}));
  CHECK_THROWS_WITH(check({.steps = 0}), "generate: steps = 0, expected 1 to 1048576");
  CHECK_THROWS_WITH(check({.num_full_sampling_levels = 4}), "generate: num_full_sampling_levels = 4, expected 0 to 3");
  CHECK_THROWS_WITH(check({.top_k = 9}), "generate: top_k = 9, expected 0 to 8");
  CHECK_THROWS_WITH(check({.cond_rescale = 2}), "generate: cond_rescale = 2, expected 0 to 1");
  CHECK_THROWS_WITH(check({.cond_scale = 2}),
                    "generate: cond_scale = 2 with num_semantic_token_ids = 0, expected 1: there is no condition to drop");
  CHECK_THROWS_WITH(check({.use_critic = true}),
                    "generate: use_critic = true with self_token_critic = false, expected a model with a critic");
  CHECK_NOTHROW(check({.use_critic = false}));
  CHECK_THROWS_WITH(check({.gumbel = [](index) { return std::vector<float>{}; }}),
                    "generate: gumbel = recorded draws with decoding::paper, expected none");
  auto const package = decoding::soundstorm_pytorch;
  CHECK_NOTHROW(check({.decoding = package, .filter_thres = 0.9}));
  CHECK_THROWS_WITH(check({.decoding = package, .cond_scale = 2}, conditioned),
                    "generate: cond_scale = 2 with decoding::soundstorm_pytorch, expected 1");
  CHECK_THROWS_WITH(check({.decoding = package, .steps_per_level = {1, 1, 1}}),
                    "generate: steps_per_level = 3 with decoding::soundstorm_pytorch, expected none: it has num_full_sampling_levels");
  CHECK_THROWS_WITH(check({.decoding = package, .top_k = 3}), "generate: top_k = 3 with decoding::soundstorm_pytorch, expected 0");
  CHECK_THROWS_WITH(check({.decoding = package, .confidence_noise = 2}),
                    "generate: confidence_noise = 2 with decoding::soundstorm_pytorch, expected 0");
  CHECK_THROWS_WITH(check({.decoding = package, .repetition = {.window = 10}}),
                    "generate: repetition.window = 10 with decoding::soundstorm_pytorch, expected 0");
}
