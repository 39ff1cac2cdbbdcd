#include "golden_soundstorm.hpp"

using namespace test;
using namespace ss::axes;
namespace token = ss::token;
namespace storm = ss::soundstorm;

namespace {

using exec = fastest;

/// What the file says of a call of `generate`.
storm::generate_options options_of(golden_soundstorm const& file, ss::index& draws) {
  auto const& call = file.config["generate"];
  auto const& model = file.config["soundstorm"];
  storm::generate_options made{.decoding = storm::decoding::soundstorm_pytorch,
                               .steps = model["steps"],
                               .num_full_sampling_levels = call["num_full_sampling_levels"],
                               .schedule = model["schedule"] == "cosine" ? token::cosine_schedule : token::linear_schedule,
                               .start_temperature = call["start_temperature"],
                               .filter_thres = call["filter_thres"],
                               .noise_level_scale = call["noise_level_scale"],
                               .can_mask_prev_unmasked = model["can_mask_prev_unmasked"]};
  if (file.config["critic_sees"] == "all") made.critic_sees_all = true;
  auto const shown = file.get<std::int32_t, rows<>, batch<>, frames<>, levels<>>("output.shown");
  made.batch_size = shown.extent(1);
  if (file.contains("input.semantic"))
    made.semantic = file.get<std::int32_t, batch<>, frames<>>("input.semantic");
  else
    made.num_latents = shown.extent(2);
  if (file.contains("input.valid")) made.mask = file.get<ss::flag, batch<>, frames<>>("input.valid");
  if (file.contains("input.prompt")) made.prompt = file.get<std::int32_t, batch<>, frames<>, levels<>>("input.prompt");
  made.gumbel = [&file, &draws](ss::index count) {
    auto const found = file.values("noise." + std::to_string(draws++));
    REQUIRE(static_cast<ss::index>(found.size()) == count);
    return std::vector<float>(found.begin(), found.end());
  };
  return made;
}

/// How many valid codes differ.
ss::index different(std::int32_t const* found, std::int32_t const* expected, token::flag_array const& valid, ss::index levels) {
  ss::index count = 0;
  for (ss::index i = 0; i < valid.size() * levels; ++i) count += valid.data()[i / levels] && found[i] != expected[i];
  return count;
}

}  // namespace

TEST_CASE("soundstorm/generate: decoding::soundstorm_pytorch gives the package's codes after every pass, fed its random numbers") {
  for (std::string const name :
       {"plain", "mask_loop", "prompt", "keep", "groups", "cond", "full2", "self", "critic", "all", "all_critic"}) {
    INFO(name);
    golden_soundstorm const file("soundstorm_generate_" + name);
    auto const shown = file.get<std::int32_t, rows<>, batch<>, frames<>, levels<>>("output.shown");
    auto const codes = file.get<std::int32_t, batch<>, frames<>, levels<>>("output.codes");
    auto const valid = file.contains("input.valid") ? file.get<ss::flag, batch<>, frames<>>("input.valid")
                                                    : token::all_valid(codes.extent(0), codes.extent(1));
    auto const everywhere = token::all_valid(codes.extent(0), codes.extent(1));  // what the critic of `all` reads
    ss::workspace<exec> work;
    storm::model<ss::dynamic_soundstorm, exec> model{work, file.shape(), file.options()};
    file.load(model);
    ss::index pass = 0, draws = 0;
    auto const made = storm::decode(model, work, options_of(file, draws), [&](auto const&, auto const& state, auto const&) {
      INFO("pass " << pass);
      auto const* const next = ++pass < shown.extent(0) ? shown.data() + pass * codes.size() : codes.data();
      CHECK(different(state.codes.data(), next, name == "all" ? everywhere : valid, codes.extent(2)) == 0);
    });
    CHECK(pass == shown.extent(0));
    CHECK(different(made.data(), codes.data(), valid, codes.extent(2)) == 0);
    CHECK_FALSE(file.contains("noise." + std::to_string(draws)));  // all were asked for
  }
}
