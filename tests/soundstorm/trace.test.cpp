#include "spearstorm/soundstorm/trace.hpp"

#include "io/scratch.hpp"
#include "spearstorm/soundstorm/plot_trace.hpp"
#include "spearstorm/soundstorm/trace_file.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using namespace spearstorm::soundstorm;

namespace {

/// Two passes over one row of five frames and one level: a prompt of one frame, the last frame is padding.
decode_trace two_passes() {
  decode_trace trace;
  auto state = token::start_decoding(token::valid_frames(std::vector<ss::index>{4}, 5), 1, 8, token::code_array({1, 1, 1}, 7));
  auto const pass = [&](ss::index step, std::vector<std::int32_t> ids, std::vector<float> confidence, ss::index keep) {
    pass_guess guess{token::id_array({1, 5}, std::move(ids)), token::confidence_array({1, 5}, std::move(confidence))};
    guess.score = guess.confidence, guess.masked = token::masked_at(state, 0);
    state = token::unmask(std::move(state), 0, guess.ids, guess.score, std::vector<ss::index>{keep});
    trace({.level = 0, .step = step, .steps = 2}, state, guess);
  };
  pass(0, {6, 1, 2, 3, 6}, {1, 0.25f, 0.5f, 0.75f, 1}, 1);
  pass(1, {6, 4, 5, 5, 6}, {1, 1, 0.5f, 0.5f, 1}, 0);
  return trace;
}

state_array states(std::vector<frame_state> const& of) {
  state_array made({1, static_cast<ss::index>(of.size())});
  std::transform(of.begin(), of.end(), made.begin(), [](frame_state s) { return static_cast<std::uint8_t>(s); });
  return made;
}

}  // namespace

TEST_CASE("soundstorm/trace: what each pass did, by hand") {
  using enum frame_state;
  auto const trace = two_passes();
  REQUIRE(trace.passes.size() == 2);
  CHECK(trace.passes[0].state == states({prompt, masked, fixed_now, fixed_now, padding}));
  CHECK(trace.passes[1].state == states({prompt, fixed_now, fixed_before, fixed_before, padding}));
  CHECK(trace.passes[0].ids == token::id_array({1, 5}, {-1, 1, 2, 3, -1}));
  CHECK(trace.passes[1].ids == token::id_array({1, 5}, {-1, 4, -1, -1, -1}));
  CHECK(trace.passes[0].confidence == token::confidence_array({1, 5}, {0, 0.25f, 0.5f, 0.75f, 0}));
  CHECK(trace.codes == token::code_array({1, 5, 1}, {7, 4, 2, 3, 8}));
  CHECK(count_of(trace.passes[0], 0, fixed_now) == 2);
  CHECK_THROWS_WITH(count_of(trace.passes[0], 1, fixed_now), "count_of: row = 1, expected 0 to 0");
}

TEST_CASE("soundstorm/trace: a token that was fixed and is masked again has a state of its own") {
  decode_trace trace;
  token::decoding_state const after{
      .codes = token::code_array({1, 2, 1}, {8, 3}), .masked = token::masked_array({1, 2, 1}, {1, 0}), .mask_id = 8};
  pass_guess guess{token::id_array({1, 2}), token::confidence_array({1, 2}), token::confidence_array({1, 2}), token::flag_array({1, 2}, 1)};
  trace({.level = 0, .step = 0, .steps = 3}, after, guess);
  guess.masked = token::flag_array({1, 2}, {0, 1});
  trace({.level = 0, .step = 1, .steps = 3}, after, guess);
  CHECK(trace.passes[1].state == states({frame_state::masked_again, frame_state::fixed_now}));
}

TEST_CASE("soundstorm/trace: a file gives back the trace, and refuses what is none") {
  test_io::scratch const folder;
  auto const path = folder / "trace.safetensors";
  auto const trace = two_passes();
  save_trace(path, trace);
  CHECK(load_trace(path) == trace);
  CHECK_THROWS_WITH(save_trace(path, {}), "save_trace: '" + path.string() + "': the trace holds 0 passes, expected 1 or more");
  std::vector<float> const one(1);
  ss::io::safetensors_writer(path).metadata("format", "other").add("x", {1}, one).commit();
  CHECK_THROWS_WITH(load_trace(path), "load_trace: '" + path.string() + "': format is 'other', expected 'spearstorm.decode_trace'");
}

TEST_CASE("soundstorm/trace: the picture has a cell for each frame of each pass") {
  auto const picture = plot_trace(two_passes(), {.width = 1400, .line_height = 20});
  ss::index const left = 190, panel = (1400 - 190 - 60 - 30) / 2, cell = panel / 5, top = 40;
  auto const at = [&](ss::index pass, ss::index frame) { return picture.at(left + frame * cell + cell / 2, top + 20 * pass + 10); };
  CHECK(at(0, 0) == detail::trace_colour(frame_state::prompt));
  CHECK(at(0, 1) == detail::trace_colour(frame_state::masked));
  CHECK(at(0, 2) == detail::trace_colour(frame_state::fixed_now));
  CHECK(at(1, 1) == detail::trace_colour(frame_state::fixed_now));
  CHECK(at(1, 2) == detail::trace_colour(frame_state::fixed_before));
  CHECK(at(1, 4) == ss::io::colour{255, 255, 255});
  auto const confidence = [&](ss::index pass, ss::index frame) {
    return picture.at(left + panel + 60 + frame * cell + cell / 2, top + 20 * pass + 10);
  };
  CHECK(confidence(0, 1) == ss::io::heat(0.25));
  CHECK(confidence(1, 1) == ss::io::heat(1));
  CHECK(confidence(1, 2) == detail::trace_nothing);
}

TEST_CASE("soundstorm/trace: what the picture refuses") {
  CHECK_THROWS_WITH(plot_trace({}), "plot_trace: the trace holds 0 passes, expected 1 or more");
  CHECK_THROWS_WITH(plot_trace(two_passes(), {.row = 1}), "plot_trace: row = 1, expected 0 to 0");
  CHECK_THROWS_WITH(plot_trace(two_passes(), {.width = 100}), "plot_trace: width = 100, expected 700 to 16384");
}
