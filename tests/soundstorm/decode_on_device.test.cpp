// decoding::paper where the logits are: the host's codes, and one transfer.

#include "catch.hpp"
#include "far_memory.hpp"
#include "spearstorm/soundstorm/model.hpp"

using namespace test;
namespace token = ss::token;
namespace storm = ss::soundstorm;

namespace {

ss::soundstorm_shape const plain{.codebook_size = 11,
                                 .num_quantizers = 3,
                                 .body = {.dim = 16, .depth = 1, .dim_head = 8, .heads = 2, .ff_mult = 2, .conv_kernel_size = 3}};
ss::soundstorm_shape conditioned() {
  auto shape = plain;
  shape.num_semantic_token_ids = 5, shape.self_cond = true, shape.self_token_critic = true;
  return shape;
}

/// Deterministic ids below `count`.
template <class Array>
Array drawn(ss::sizes<Array::rank> extents, std::uint32_t count) {
  Array made(extents);
  ss::random_stream const draws{17};
  for (ss::index i = 0; i < made.size(); ++i)
    made.data()[i] = static_cast<std::int32_t>(draws.below(count, 0, static_cast<std::uint32_t>(i)));
  return made;
}

/// Three rows of different lengths with prompts of different lengths, levels in several passes; hot, so that draws decide.
storm::generate_options rows_with_prompts() {
  return {.lengths = {14, 9, 12},
          .prompt = drawn<token::code_array>({3, 4, 2}, 11),
          .prompt_lengths = {4, 0, 2},
          .steps_per_level = {5, 3, 1},
          .start_temperature = 8,
          .end_temperature = 1,
          .filter_thres = 0.5,
          .first_example = 3};
}

storm::generate_options conditioned_rows() {
  auto options = rows_with_prompts();
  options.semantic = drawn<token::id_array>({3, 14}, 5);
  for (ss::index b = 0; b < 3; ++b)
    for (ss::index t = options.lengths[static_cast<std::size_t>(b)]; t < 14; ++t) options.semantic(b, t) = -1;
  options.cond_scale = 2;
  return options;
}

/// What decode_paper gives, and what decode_on_device gives, from the same state.
template <class Exec>
void check_same_codes(ss::soundstorm_shape const& shape, storm::generate_options const& options) {
  ss::workspace<Exec> work{{.seed = 5, .threads = 2}};
  storm::model<ss::dynamic_soundstorm, Exec> const model{work, shape};
  auto const size = storm::size_of(options, model.shape(), model.options.rates);
  auto const random = work.random();
  auto const with = [&](auto const& decode) {
    work.restore_(random);
    ss::inference<Exec> ctx{work};
    return decode(ctx);
  };
  auto const host = with([&](auto& ctx) { return storm::decode_paper(model, ctx, size, options, storm::unobserved{}); });
  auto const device = with([&](auto& ctx) { return storm::decode_on_device(model, ctx, size, options); });
  CHECK(device == host);
  for (ss::index at = 0; at < host.size(); ++at)
    CHECK((host.data()[at] == 11) == (size.valid.data()[at / host.extent(2)] == 0));  // all but padding has been guessed
}

void check_on_policies(ss::soundstorm_shape const& shape, storm::generate_options const& options) {
  check_same_codes<fastest>(shape, options);
  check_same_codes<far_device>(shape, options);
}

}  // namespace

TEST_CASE("soundstorm/decode_on_device: codes are decode_paper's: prompts, padding, several passes a level") {
  check_on_policies(plain, rows_with_prompts());
}

TEST_CASE("soundstorm/decode_on_device: one row alone, all of it open, greedy and not") {
  check_on_policies(plain, {.num_latents = 20, .steps = 6});
  check_on_policies(plain, {.num_latents = 20, .steps_per_level = {7, 1, 4}, .start_temperature = 0, .filter_thres = 0});
}

TEST_CASE("soundstorm/decode_on_device: candidates are the host's") {
  auto options = rows_with_prompts();
  options.top_k = 4;
  check_on_policies(plain, options);
  options.top_k = 0, options.top_p = 0.6;
  check_on_policies(plain, options);
}

TEST_CASE("soundstorm/decode_on_device: noise on the confidence is the host's") {
  auto options = rows_with_prompts();
  options.confidence_noise = 3;
  check_on_policies(plain, options);
}

TEST_CASE("soundstorm/decode_on_device: condition, guidance, the pass before and the critic are the host's") {
  auto options = conditioned_rows();
  options.cond_rescale = 0.5f;
  check_on_policies(conditioned(), options);
  options.critic_sees_all = false, options.noise_level_scale = 0;
  check_on_policies(conditioned(), options);
  options.use_critic = false;
  check_on_policies(conditioned(), options);
}

TEST_CASE("soundstorm/decode_on_device: codes that are all given need no pass") {
  storm::generate_options const options{.num_latents = 4, .prompt = drawn<token::code_array>({1, 4, 3}, 11)};
  check_on_policies(plain, options);
}

TEST_CASE("soundstorm/decode_on_device: generate brings nothing in after the first pass began, and only the codes out") {
  ss::workspace<far_device> work{{.seed = 5}};
  storm::model<ss::dynamic_soundstorm, far_device> const model{work, conditioned()};
  auto options = conditioned_rows();
  std::vector<traffic> in, out;  // as each pass ends
  options.progress = [&](ss::index, ss::index) { in.push_back(far_memory::in), out.push_back(far_memory::out); };
  far_memory::in = far_memory::out = {};
  auto const codes = model.generate(work, options);
  CHECK(in == std::vector<traffic>(9, far_memory::in));
  CHECK(out == std::vector<traffic>(9));
  CHECK(far_memory::out == traffic{1, codes.size() * static_cast<ss::index>(sizeof(std::int32_t))});
  for (auto code : codes) CHECK((code >= 0 && code < 11));  // padding is 0

  options.prompt = codes, options.prompt_lengths = options.lengths;  // nothing to guess: what comes in without any pass
  far_memory::in = {};
  CHECK(model.generate(work, options) == codes);
  CHECK(far_memory::in.copies == in.front().copies);
}

TEST_CASE("soundstorm/decode_on_device: an observer and repetition bring the logits of each pass to the host, and the codes are the same") {
  ss::workspace<far_device> work{{.seed = 5}};
  storm::model<ss::dynamic_soundstorm, far_device> const model{work, plain};
  auto options = rows_with_prompts();
  auto const random = work.random();
  auto const codes = model.generate(work, options);
  work.restore_(random);
  ss::index passes = 0;
  auto before = far_memory::out;
  CHECK(storm::decode(model, work, options, [&](auto const&...) { ++passes; }) == codes);
  CHECK((passes == 9 && (far_memory::out - before).copies >= 9));
  options.repetition.window = 4;
  before = far_memory::out;
  model.generate(work, options);
  CHECK((far_memory::out - before).copies >= 9);
  ss::inference<far_device> ctx{work};
  CHECK_THROWS_WITH(storm::decode_on_device(model, ctx, storm::size_of(options, model.shape(), {}), options),
                    "decode_on_device: repetition.window = 4, expected 0 to 0");
}
