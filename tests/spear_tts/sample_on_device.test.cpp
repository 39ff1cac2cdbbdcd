// Plain sampling where the logits are: the host's tokens, and one transfer for every 16 of them.

#include "far_memory.hpp"
#include "spearstorm/spear_tts/generate.hpp"

#include "catch.hpp"

using namespace test;
using ss::spear_tts::generate_options;
using ss::spear_tts::token_kind;

namespace {

ss::text_to_semantic_shape const shape{.dim = 12,
                                       .source_depth = 1,
                                       .target_depth = 2,
                                       .num_text_token_ids = 6,
                                       .num_semantic_token_ids = 15,
                                       .dim_head = 4,
                                       .heads = 2,
                                       .ff_mult = 2};
ss::token::id_array const sources = ss::token::pad_rows(std::vector<ss::token::sequence>{{1, 0, 5, 4}, {2, 5}, {3, 3, 1}});

struct found {
  ss::spear_tts::generated made;
  traffic in, out;
  std::vector<ss::index> heard;
};

/// @param each_token asks the host for each of them
found generated_on_device(generate_options options, bool each_token) {
  ss::workspace<far_device> work{{.seed = 4}};
  ss::text_to_semantic<ss::dynamic_text_to_semantic, far_device> model{work, shape, {.cond_drop_prob = 0.1}};
  std::vector<float> gamma;  // logits spread by about 2
  for (ss::index i = 0; i < shape.dim; ++i) gamma.push_back(0.7f * ss::random_stream{77}.normal(0, static_cast<std::uint32_t>(i)));
  model.target_transformer.final_norm.gamma.assign_(gamma);
  found of;
  if (each_token) options.on_token = [](auto const&...) {};
  options.progress = [&](ss::index tokens, ss::index) { of.heard.push_back(tokens); };
  auto const in = far_memory::in, out = far_memory::out;
  of.made = ss::spear_tts::generate(model, work, sources, token_kind::text, token_kind::speech, options);
  of.in = far_memory::in - in, of.out = far_memory::out - out;
  return of;
}

void check_same_tokens(generate_options const& options) {
  auto const host = generated_on_device(options, true), device = generated_on_device(options, false);
  CHECK(device.made.ids == host.made.ids);
  CHECK(device.made.valid == host.made.valid);
  CHECK(device.made.ended == host.made.ended);
  CHECK(device.made.source == host.made.source);
  CHECK(host.out.copies == static_cast<ss::index>(host.heard.size()));
  CHECK(device.out.copies == (static_cast<ss::index>(host.heard.size()) + 15) / 16);
}

}  // namespace

TEST_CASE("spear_tts/sample_on_device: tokens are generate_sample's: temperatures, candidates, guidance") {
  for (float temperature : {0.0f, 1.0f, 3.0f})
    for (float scale : {1.0f, 2.0f}) {
      INFO("temperature " << temperature << ", cond_scale " << scale);
      check_same_tokens({.max_length = 40, .temperature = temperature, .filter_thres = 0.6, .cond_scale = scale, .first_example = 2});
    }
  check_same_tokens({.max_length = 40, .top_k = 5, .top_p = 0.8, .cond_scale = 2, .cond_rescale = 0.7f});
  check_same_tokens({.max_length = 40, .filter_thres = 1, .keep_eos = true});
}

TEST_CASE("spear_tts/sample_on_device: any length, up to the last token and not beyond") {
  for (ss::index length : {0, 1, 15, 16, 17, 33}) {
    INFO("length " << length);
    check_same_tokens({.max_length = length, .temperature = 2, .filter_thres = 1});
  }
}

TEST_CASE("spear_tts/sample_on_device: some rows end early, and then leave the batch") {
  generate_options const options{.max_length = 64, .temperature = 2, .filter_thres = 1, .first_example = 20};
  check_same_tokens(options);
  auto const of = generated_on_device(options, false);
  auto const lengths = ss::token::valid_lengths(of.made.valid);  // 13, 29, 62
  CHECK((lengths[0] / 16 < lengths[1] / 16 && lengths[1] / 16 < lengths[2] / 16));
  CHECK(of.heard.size() == static_cast<std::size_t>(of.out.copies));
}

TEST_CASE("spear_tts/sample_on_device: tables, examples and ids go in once for 16 steps") {
  generate_options options{.max_length = 16, .temperature = 0, .filter_thres = 1};
  auto const short_one = generated_on_device(options, false);
  options.max_length = 32;
  auto const long_one = generated_on_device(options, false);
  REQUIRE(long_one.heard.size() == 2);
  CHECK((long_one.in - short_one.in).copies == 7);  // table, positions, counts, what is read of the source (2), examples, ids
  CHECK((long_one.out - short_one.out).copies == 1);
}
