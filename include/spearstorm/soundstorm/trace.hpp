#pragma once
// A record of a decoding, pass by pass: what was masked, what was chosen and how surely, what was fixed.

#include "spearstorm/soundstorm/generate_options.hpp"

namespace SPEARSTORM_NS::soundstorm {

/// What a pass did with a frame of its level.
enum class frame_state : std::uint8_t {
  padding,
  prompt,        ///< given, never guessed
  fixed_before,  ///< by an earlier pass
  fixed_now,     ///< guessed by this pass and kept
  masked,        ///< guessed by this pass and masked again
  masked_again,  ///< fixed before, masked by this pass: decoding::soundstorm_pytorch only
};
using state_array = array<std::uint8_t, axes::batch<>, axes::frames<>>;

struct trace_pass {
  index level = 0, step = 0, steps = 1;  ///< as decode_pass
  state_array state;                     ///< (batch, frames)  a frame_state each
  token::id_array ids;                   ///< (batch, frames)  what was chosen; -1 where nothing was guessed
  token::confidence_array confidence;    ///< (batch, frames)  its probability; 0 where nothing was guessed
  token::confidence_array score;         ///< (batch, frames)  what was ranked, the higher the surer; 0 where nothing was guessed

  friend bool operator==(trace_pass const&, trace_pass const&) = default;
};

/// An observer of `decode`: decode(model, work, options, std::ref(trace)).
/// @see  trace_file.hpp saves it, plot_trace.hpp draws it
struct decode_trace {
  std::vector<trace_pass> passes;
  token::code_array codes;  ///< (batch, frames, levels)  after the last pass; the mask id at padded frames

  void operator()(token::decode_pass const& pass, token::decoding_state const& after, pass_guess const& guess) {
    index const frames = after.codes.extent(1), levels = after.codes.extent(2);
    trace_pass made{.level = pass.level,
                    .step = pass.step,
                    .steps = pass.steps,
                    .state = state_array({after.codes.extent(0), frames}),
                    .ids = guess.ids,
                    .confidence = guess.confidence,
                    .score = guess.score};
    if (pass.step == 0 || passes.empty() || passes.back().level != pass.level) guessed_ever_ = guess.masked;  // all but prompt and padding
    for (index at = 0; at < made.state.size(); ++at) {
      index const place = at * levels + pass.level;
      bool const guessed = guess.masked.data()[at], masked = after.masked.data()[place];
      frame_state state = masked ? frame_state::masked_again : frame_state::fixed_before;
      if (guessed)
        state = masked ? frame_state::masked : frame_state::fixed_now;
      else if (!guessed_ever_.data()[at])
        state = after.codes.data()[place] == after.mask_id ? frame_state::padding : frame_state::prompt;
      made.state.data()[at] = static_cast<std::uint8_t>(state);
      if (!guessed) made.ids.data()[at] = -1, made.confidence.data()[at] = made.score.data()[at] = 0;
    }
    passes.push_back(std::move(made));
    codes = after.codes;
  }

  friend bool operator==(decode_trace const& l, decode_trace const& r) { return l.passes == r.passes && l.codes == r.codes; }

 private:
  token::flag_array guessed_ever_;
};

/// How many frames of a row are in a state after a pass.
inline index count_of(trace_pass const& pass, index row, frame_state state) {
  index const frames = pass.state.extent(1);
  check_range<index>("count_of", "row", row, 0, pass.state.extent(0) - 1);
  return std::count(pass.state.data() + row * frames, pass.state.data() + (row + 1) * frames, static_cast<std::uint8_t>(state));
}

}  // namespace SPEARSTORM_NS::soundstorm
